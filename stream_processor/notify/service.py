"""Reads `alarm-events` as a group and tells the channels. Offsets are committed after a message went out, so each goes out at least once,
with the same key when again; what was told is never told again by a replay or a second worker. A group that is new begins at the end.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
import time
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec

from city_model.events import AlarmEvent, DeadLetter, Event, EventType
from city_model.faults import Rejected, Unavailable
from city_model.registry import City
from city_model.topics import ALARM_EVENTS, DEAD_LETTER
from stream_processor.logs.port import EventLog, Output, Stored
from stream_processor.logs.records import to_record
from stream_processor.notify.messages import Message, message_for
from stream_processor.notify.settings import Channel, NotifySettings, secret_of

GROUP = "notify"
_LOOK_S = 1.0
_MOST = 100
log = logging.getLogger("saola.notify")
_decode = msgspec.json.Decoder(AlarmEvent).decode


@dataclass(slots=True)
class Notifier:
    """`counts`: sent, tried_again, refused, given_up. `serving`: the partitions whose place in the log is known."""

    event_log: EventLog
    city: City
    settings: NotifySettings
    member: str
    first_wait_s: float = 1.0
    counts: Counter[str] = field(default_factory=Counter)
    serving: set[int] = field(default_factory=set)

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop`. Raises Unavailable when the log cannot be reached at the start."""
        member = await self.event_log.join(GROUP, ALARM_EVENTS, self.member)
        tasks: dict[int, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                mine = await member.assigned()
                for partition in [p for p, task in tasks.items() if p not in mine or task.done()]:
                    await _ended(tasks.pop(partition))
                for partition in mine - tasks.keys():
                    tasks[partition] = asyncio.create_task(self._serve(partition), name=f"notify-{partition}")
                await _wait(stop, _LOOK_S)
        finally:
            for task in tasks.values():
                await _ended(task)
            await member.leave()

    async def _serve(self, partition: int) -> None:
        async with AsyncExitStack() as stack:
            owner = await self.event_log.own(GROUP, ALARM_EVENTS, partition)
            stack.push_async_callback(owner.close)
            position = await owner.committed()
            if position is None:
                position = (await self.event_log.bounds(ALARM_EVENTS, partition))[1]
                await owner.commit([], position)
            self.serving.add(partition)
            reader = await self.event_log.reader(ALARM_EVENTS, partition, position)
            await stack.enter_async_context(aclosing(_Closing(reader)))
            while True:
                for row in await reader.fetch(_MOST, wait_s=_LOOK_S):
                    dead = await self._tell(row)
                    await owner.commit(dead, row.offset + 1)

    async def _tell(self, row: Stored) -> list[Output]:
        """Tell every channel of one transition; gives the dead letters of what could not be told."""
        try:
            event = _decode(row.record.value or b"")
        except msgspec.DecodeError:
            return []
        said = [(channel, message_for(event, channel, self.city)) for channel in self.settings.channel]
        failed = await asyncio.gather(*(self._say(channel, message) for channel, message in said if message is not None))
        return [output for output in failed if output is not None]

    async def _say(self, channel: Channel, message: Message) -> Output | None:
        give_up_s, wait_s = time.monotonic() + self.settings.tries_s, self.first_wait_s
        directory = self.settings.path.parent if self.settings.path else None
        while True:
            try:
                secret = "" if directory is None else secret_of(channel, directory)
                await asyncio.to_thread(_sender(channel), channel, secret, message)
            except Rejected as err:
                self.counts["refused"] += 1
                return _dead(message, channel, err.code, str(err))
            except Unavailable as err:
                if time.monotonic() >= give_up_s:
                    self.counts["given_up"] += 1
                    return _dead(message, channel, "given_up", str(err))
                self.counts["tried_again"] += 1
                log.warning("not told yet, will try again: %s", err)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))
                wait_s = min(2 * wait_s, 60.0)
            else:
                self.counts["sent"] += 1
                return None


def _sender(channel: Channel) -> Any:  # noqa: ANN401
    return importlib.import_module(f"stream_processor.notify.channels.{channel.kind}").send


def _dead(message: Message, channel: Channel, code: str, reason: str) -> Output:
    log.error("not told: %s", reason, extra={"alarm": message.alarm.id})
    alarm = message.alarm
    data = message.key.encode()
    letter = DeadLetter(code, reason[:500], ALARM_EVENTS, f"/notify/{channel.name}", alarm.opened_ms, len(data), data)
    event = Event(
        EventType.DEAD_LETTER, alarm.site, f"notify-{channel.name}", "", -1, 1, alarm.opened_ms, "application/json",
        msgspec.json.encode(letter), area=alarm.area,
    )  # fmt: skip
    return Output(DEAD_LETTER, to_record(event))


class _Closing:
    """`aclosing` wants `aclose`."""

    def __init__(self, reader: Any) -> None:  # noqa: ANN401
        self.aclose = reader.close


async def _ended(task: asyncio.Task[None]) -> None:
    """Stop a partition's work; what ended by itself is said, and begins again."""
    if task.done() and not task.cancelled() and (err := task.exception()) is not None:
        if not isinstance(err, Unavailable):
            raise err
        log.warning("a partition has to begin again: %s", err)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
