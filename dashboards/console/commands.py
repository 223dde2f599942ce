"""An operator acts: a command into `inputs`, and the engine's answer out of `alarm-events`.

The page decides nothing. It appends the command to the partition of the area, where it has its place among the data, and waits
a moment for the transition that answers it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from city_model.events import AlarmEvent, Command, CommandKind, Event, EventType
from city_model.topics import INPUTS, partition_of
from dashboards.console.follow import Follower
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import to_record

MOST_TEXT = 500
MOST_MS = 2**53
"""The largest whole number that a page can hold."""
CommandId = Annotated[str, Meta(pattern="^[ -~]{8,64}$", max_length=64)]
Text = Annotated[str, Meta(max_length=MOST_TEXT)]
Said = Annotated[str, Meta(min_length=1, max_length=MOST_TEXT, pattern=r"\S")]
"""Not only blanks."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an act. `command_id` makes a repeated one harmless; `version` is the alarm version the operator saw.

    `note`: a reason or remark; `to`: whom it is assigned to; `until_ms`: end of shelving.
    """

    version: Annotated[int, Meta(ge=0, le=MOST_MS)]
    command_id: CommandId
    note: Text = ""
    to: Text = ""
    until_ms: Annotated[int, Meta(ge=0, le=MOST_MS)] = 0


class Reported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an incident: where, how urgent, what happened."""

    site: Text
    command_id: CommandId
    note: Said
    priority: Literal["high", "medium", "low"] = "medium"


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of taking a device out of service, with the reason, or back."""

    in_service: bool
    command_id: CommandId
    note: Text = ""

    def __post_init__(self) -> None:
        if not self.in_service and not self.note.strip():
            raise ValueError("note must say why")


@dataclass(frozen=True, slots=True)
class Commands:
    """Sends commands and waits up to `wait_s` for the engine."""

    log: EventLog
    follower: Follower
    wait_s: float = 2.0

    async def send(self, command: Command, area: str, site: str, device: str, *, has_answer: bool = True) -> AlarmEvent | None:
        """The transition that answers, or None when there is none yet. A repeated command changes nothing and has the answer of the
        first. Raises Unavailable."""
        if (known := self.follower.answered(command.id)) is not None and known.by == command.by:
            return known
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
