"""Follows the log into the view: current alarms from the beginning, timelines and observations from not too far back, then live."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping

import msgspec

from city_model.codec import observations
from city_model.events import Alarm, AlarmEvent, EventType, Report, Rules
from city_model.faults import Rejected, Unavailable
from city_model.topics import ALARM_EVENTS, ALARMS, DEAD_LETTER, DEFAULT_PARTITIONS, LOG_TOPICS, OBSERVATIONS, RULES
from dashboards.console.hub import BEAT_S, Body, Hub
from dashboards.console.people import Person
from dashboards.console.sites import SiteNow
from dashboards.console.view import Changes, Quality, View
from stream_processor.logs.port import EventLog, Reader, Stored
from stream_processor.logs.records import from_record
from stream_processor.stores.port import Flag, SeriesStore

_MOST = 500
_UPDATES_PER_S = 2.0
_COUNT_EVERY_S = 5.0
_MOST_ANSWERS = 10_000
"""As many commands as the engine remembers: a repeated one gets the answer of the first."""
_BACK: dict[str, int | None] = {RULES: None, ALARMS: None, ALARM_EVENTS: 2_000, OBSERVATIONS: 300}
"""How many offsets before the end to begin at; None: at the beginning."""

log = logging.getLogger("saola.console")
_decode_alarm = msgspec.json.Decoder(Alarm).decode
_decode_transition = msgspec.json.Decoder(AlarmEvent).decode
_decode_rules = msgspec.json.Decoder(Rules).decode
_decode_report = msgspec.json.Decoder(Report).decode


class Follower:
    """Reads every partition of four topics. `ready` is set when what stood in the log at the start has been read."""

    def __init__(
        self, event_log: EventLog, store: SeriesStore, view: View, hub: Hub, is_over: Callable[[Person], bool] = lambda person: False
    ) -> None:
        """`is_over` says whose access has ended: their streams end with it."""
        self._log = event_log
        self._store = store
        self._view = view
        self._hub = hub
        self._is_over = is_over
        self._faults: dict[tuple[str, int], str] = {}
        self._behind: set[tuple[str, int]] = set()
        self._answers: dict[str, asyncio.Future[AlarmEvent]] = {}
        self._answered: dict[str, AlarmEvent] = {}
        self.ready = asyncio.Event()
        self.taken = 0

    async def prepare(self) -> None:
        """Before the page is served: topics that exist, newest values from the store. Raises Unavailable."""
        await self._log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
        for latest in await asyncio.to_thread(self._store.latest):
            self._view.figure(latest.series, latest.at_ms, latest.value, latest.flags)
        self._behind = {(topic, p) for topic in _BACK for p in range(await self._log.partitions(topic))}

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send_changes())
            group.create_task(self._count_dead_letters())
            for topic, partition in sorted(self._behind):
                group.create_task(self._keep_following(topic, partition), name=f"console-{topic}-{partition}")

    def answer_to(self, command_id: str) -> asyncio.Future[AlarmEvent]:
        """Done when the transition that answers the command has been read. Give it back with `forget`."""
        return self._answers.setdefault(command_id, asyncio.get_running_loop().create_future())

    def answered(self, command_id: str) -> AlarmEvent | None:
        """The transition that answered a command, of the newest ones."""
        return self._answered.get(command_id)

    def forget(self, command_id: str) -> None:
        self._answers.pop(command_id, None)

    async def _keep_following(self, topic: str, partition: int) -> None:
        position: int | None = None
        failures = 0
        while True:
            reader: Reader | None = None
            try:
                first, end = await self._log.bounds(topic, partition)
                if position is None:
                    back = _BACK[topic]
                    position = first if back is None else max(first, end - back)
                    history_end = end
                    if topic == ALARM_EVENTS:
                        self._hub.begin(partition, position)
                reader = await self._log.reader(topic, partition, position)
                while True:
                    if position >= history_end:
                        self._caught_up(topic, partition)
                    rows = await reader.fetch(_MOST, wait_s=0.5)
                    self._is_well(topic, partition)
                    failures = 0
                    for row in rows:
                        self._take(row, live=row.offset >= history_end)
                        position = row.offset + 1
                    if not rows:  # offsets may have holes at the end
                        self._caught_up(topic, partition)
            except Unavailable as err:
                self._is_ill(topic, partition, str(err))
                await asyncio.sleep(min(0.2 * 2**failures, 5.0) * (0.5 + random.random()))
                failures = min(failures + 1, 10)
            finally:
                if reader is not None:
                    await _closed(reader)

    def _take(self, row: Stored, *, live: bool) -> None:
        self.taken += 1
        try:
            _TAKERS[row.topic](self, row, live)
        except (Rejected, msgspec.DecodeError, RecursionError) as err:
            self._view.unreadable += 1
            log.warning("record cannot be read", extra={"at": f"{row.topic}/{row.partition}@{row.offset}", "error": str(err)[:200]})

    def _take_alarm(self, row: Stored, live: bool) -> None:
        if row.record.value is None:
            alarm_id = row.record.key.decode(errors="replace")
            if self._view.shelf.drop(alarm_id) and live:
                self._hub.publish("gone", lambda sight: {"id": alarm_id})
            return
        alarm = _decode_alarm(row.record.value)
        if self._view.shelf.put(alarm) and live:
            self._hub.publish("alarm", self._card_of(alarm))

    def _take_transition(self, row: Stored, live: bool) -> None:
        event = _decode_transition(row.record.value or b"")
        is_news = self._view.transition(event, f"{row.partition}:{row.offset}")
        if event.command_id:
            self._remember_answer(event)
        if is_news:
            self._hub.publish("alarm", self._card_of(event.alarm), (row.partition, row.offset), live=live)

    def _remember_answer(self, event: AlarmEvent) -> None:
        self._answered.setdefault(event.command_id, event)
        if len(self._answered) > _MOST_ANSWERS:
            del self._answered[next(iter(self._answered))]
        if (waiting := self._answers.get(event.command_id)) is not None and not waiting.done():
            waiting.set_result(event)

    def _card_of(self, alarm: Alarm) -> Body:
        """The alarm as it is when it is sent, for those who see it."""
        shelf = self._view.shelf
        return lambda sight: shelf.card(alarm.id) if sight.sees(alarm) and shelf.get(alarm.id) is not None else None

    def _take_observation(self, row: Stored, live: bool) -> None:
        event = from_record(row.record)
        if event.type == EventType.REPORT:
            self._view.report(_decode_report(event.data), live=live)
        elif event.type == EventType.OBSERVATIONS:
            readings, flags = observations.decode(event.data)
            self._view.observe(readings, live=live and not flags & Flag.LATE, flags=flags)

    def _take_rules(self, row: Stored, live: bool) -> None:
        self._view.rules[row.partition] = _decode_rules(row.record.value or b"")

    async def _send_changes(self) -> None:
        """At most so many updates a second, however much arrives; nothing when nothing changed; a beat now and then."""
        sent, sent_quality, sent_head, beats = self._view.sites(), None, None, 0
        while True:
            await asyncio.sleep(1 / _UPDATES_PER_S)
            beats += 1
            if beats >= BEAT_S * _UPDATES_PER_S:
                beats = 0
                self._hub.beat()
            self._hub.end(self._is_over)
            now = self._view.sites()
            quality, head = self._view.quality(now), (self._view.clock_ms, self._view.link)
            changed = {name: site for name, site in now.items() if site != sent[name]}
            if changed or quality != sent_quality or head != sent_head:
                self._hub.publish("sites", _seen_changes(head, changed, quality))
                sent, sent_quality, sent_head = now, quality, head

    async def _count_dead_letters(self) -> None:
        """Counted by offsets, so nothing of what was refused is read here."""
        while True:
            try:
                bounds = [await self._log.bounds(DEAD_LETTER, p) for p in range(await self._log.partitions(DEAD_LETTER))]
                self._view.dead_lettered = sum(end - first for first, end in bounds)
            except Unavailable as err:
                log.info("dead letters cannot be counted now", extra={"error": str(err)})
            await asyncio.sleep(_COUNT_EVERY_S)

    def _is_well(self, topic: str, partition: int) -> None:
        if self._faults.pop((topic, partition), None) is not None and not self._faults:
            self._view.log_fault = ""

    def _is_ill(self, topic: str, partition: int, reason: str) -> None:
        if not self._faults:
            log.warning("the log cannot be read, will try again", extra={"error": reason})
        self._faults[topic, partition] = self._view.log_fault = reason

    def _caught_up(self, topic: str, partition: int) -> None:
        self._behind.discard((topic, partition))
        if not self._behind:
            self.ready.set()


def _seen_changes(head: tuple[int | None, str], changed: Mapping[str, SiteNow], quality: Quality) -> Body:
    return lambda sight: Changes(*head, {name: site for name, site in changed.items() if name in sight.sites}, quality)


_TAKERS: dict[str, Callable[[Follower, Stored, bool], None]] = {
    ALARMS: Follower._take_alarm,
    ALARM_EVENTS: Follower._take_transition,
    OBSERVATIONS: Follower._take_observation,
    RULES: Follower._take_rules,
}


async def _closed(reader: Reader) -> None:
    try:
        await reader.close()
    except Unavailable as err:
        log.info("closing after a fault", extra={"error": str(err)})
