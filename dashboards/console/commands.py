"""An operator acts: a command into `inputs`, and the engine's answer out of `alarm-events`.

The page decides nothing. It appends the command to the partition of the area, where it has its place among the data, and waits
a moment for the transition that answers it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec

from city_model.events import AlarmEvent, Command, CommandKind, Event, EventType
from city_model.topics import INPUTS, partition_of
from dashboards.console.follow import Follower
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import to_record

MOST_TEXT = 500


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an act. `command_id` makes a repeated one harmless; `version` is the alarm version the operator saw.

    `note`: a reason or remark; `to`: whom it is assigned to; `until_ms`: end of shelving.
    """

    version: int
    command_id: str
    note: str = ""
    to: str = ""
    until_ms: int = 0

    def __post_init__(self) -> None:
        _check(self.command_id, self.note, self.to)


class Reported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an incident: where, how urgent, what happened."""

    site: str
    command_id: str
    note: str
    priority: str = "medium"

    def __post_init__(self) -> None:
        _check(self.command_id, self.note, self.site)
        if self.priority not in ("high", "medium", "low"):
            raise ValueError("priority must be high, medium or low")
        if not self.note.strip():
            raise ValueError("note must say what happened")


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of taking a device out of service, with the reason, or back."""

    in_service: bool
    command_id: str
    note: str = ""

    def __post_init__(self) -> None:
        _check(self.command_id, self.note)
        if not self.in_service and not self.note.strip():
            raise ValueError("note must say why")


@dataclass(frozen=True, slots=True)
class Commands:
    """Sends commands and waits up to `wait_s` for the engine."""

    log: EventLog
    follower: Follower
    wait_s: float = 2.0

    async def send(self, command: Command, area: str, site: str, device: str, *, has_answer: bool = True) -> AlarmEvent | None:
        """The transition that answers, or None when there is none yet. Raises Unavailable."""
        data = msgspec.json.encode(command)
        event = Event(EventType.COMMAND, site, device, "", -1, 1, command.at_ms, "application/json", data, area=area)
        answer = self.follower.answer_to(command.id)
        try:
            await self.log.append(INPUTS, [(partition_of(area, await self.log.partitions(INPUTS)), to_record(event))])
            return await asyncio.wait_for(asyncio.shield(answer), self.wait_s) if has_answer else None
        except TimeoutError:
            return None
        finally:
            self.follower.forget(command.id)


def on_alarm(kind: CommandKind, alarm_id: str, asked: Asked, by: str, at_ms: int) -> Command:
    """The command that `asked` means."""
    return Command(asked.command_id, kind, alarm_id, asked.version, by, at_ms, asked.note, asked.to, asked.until_ms)


def _check(command_id: str, *texts: str) -> None:
    if not 8 <= len(command_id) <= 64 or not command_id.isascii() or not command_id.isprintable():
        raise ValueError("command_id must be 8 to 64 printable ASCII characters")
    if any(len(text) > MOST_TEXT for text in texts):
        raise ValueError(f"a text is longer than {MOST_TEXT} characters")
