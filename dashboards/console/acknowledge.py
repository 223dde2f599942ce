"""An operator takes an alarm: a command into `inputs`, and the engine's answer out of `alarm-events`.

The page decides nothing. It appends the command to the partition of the alarm's area, where it has its place among the data, and waits
a moment for the transition that answers it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec

from city_model.events import Alarm, AlarmEvent, Command, Event, EventType
from city_model.topics import INPUTS, partition_of
from dashboards.console.follow import Follower
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import to_record

BY = "operator"
"""There is no login yet."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request. `command_id` makes a repeated one harmless; `version` is the alarm version the operator saw."""

    version: int
    command_id: str
    note: str = ""

    def __post_init__(self) -> None:
        if not 8 <= len(self.command_id) <= 64 or not self.command_id.isascii():
            raise ValueError("command_id must be 8 to 64 ASCII characters")
        if len(self.note) > 500:
            raise ValueError("note is longer than 500 characters")


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Sends commands and waits up to `wait_s` for the engine."""

    log: EventLog
    follower: Follower
    wait_s: float = 2.0

    async def send(self, alarm: Alarm, asked: Asked, at_ms: int) -> AlarmEvent | None:
        """The transition that answers, or None when there is none yet. Raises Unavailable."""
        command = Command(asked.command_id, "acknowledge", alarm.id, asked.version, BY, at_ms, asked.note)
        data = msgspec.json.encode(command)
        event = Event(EventType.COMMAND, alarm.site, alarm.device, "", -1, 1, at_ms, "application/json", data, area=alarm.area)
        answer = self.follower.answer_to(command.id)
        try:
            await self.log.append(INPUTS, [(partition_of(alarm.area, await self.log.partitions(INPUTS)), to_record(event))])
            return await asyncio.wait_for(asyncio.shield(answer), self.wait_s)
        except TimeoutError:
            return None
        finally:
            self.follower.forget(command.id)
