"""What an operator's act makes of an alarm, by the table of `city_model.lifecycle`: pure, a new alarm or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from city_model.events import Alarm, Command
from city_model.lifecycle import SHELVE_MOST_MS, Act, acts, is_possible

MOST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an act is not done: a code for programs, a sentence for people."""

    code: str
    why: str


def apply(alarm: Alarm, command: Command) -> Alarm | Refusal:
    """The alarm after the act, or why not."""
    act = acts()[command.kind]
    refused = _why_impossible(alarm, act, command) or _why_incomplete(act, command)
    return refused if refused is not None else _done(alarm, act, command)


def display_of(shelved_until_ms: int | None, suppressed_by: tuple[str, ...]) -> Literal["shown", "shelved", "suppressed"]:
    """What a person shelved is shelved, whatever else hides it."""
    if shelved_until_ms is not None:
        return "shelved"
    return "suppressed" if suppressed_by else "shown"


def _why_impossible(alarm: Alarm, act: Act, command: Command) -> Refusal | None:
    if alarm.closed_ms is not None and not act.closed:
        return Refusal("closed", "the alarm is closed")
    if not is_possible(act, alarm):
        if command.kind == "acknowledge" and alarm.acknowledged_by:
            return Refusal("already_acknowledged", f"already acknowledged by {alarm.acknowledged_by}")
        if alarm.response == "rejected" and act.side == "response":
            return Refusal("rejected", f"rejected as false by {alarm.responded_by}")
        state = getattr(alarm, act.side) if act.side else alarm.kind
        return Refusal("not_possible", f"cannot {command.kind.replace('_', ' ')} an alarm that is {state}")
    if act.side and not alarm.settled_version <= command.version <= alarm.version:
        who = f" ({alarm.responded_by} answered it last)" if alarm.responded_by else ""
        return Refusal("stale", f"the alarm has changed{who}: version {alarm.version}, the command was based on {command.version}")
    return None


def _why_incomplete(act: Act, command: Command) -> Refusal | None:
    if max(len(command.note), len(command.to), len(command.by)) > MOST_TEXT:
        return Refusal("too_long", f"a text is over {MOST_TEXT} characters")
    if "note" in act.needs and not command.note.strip():
        return Refusal("needs_reason", f"{command.kind} needs a reason")
    if "to" in act.needs and not command.to.strip():
        return Refusal("needs_assignee", f"{command.kind} needs somebody to assign to")
    if "until_ms" in act.needs and not command.at_ms < command.until_ms <= command.at_ms + SHELVE_MOST_MS:
        return Refusal("shelve_limit", f"shelving ends within {SHELVE_MOST_MS // 3_600_000} hours, and in the future")
    return None


def _done(alarm: Alarm, act: Act, command: Command) -> Alarm:
    version = alarm.version + 1
    changes: dict[str, Any] = {"version": version}
    if act.side:
        changes["settled_version"] = version
    if act.side == "response":
        changes |= {"response": act.target, "assigned_to": command.to if act.target == "assigned" else ""}
        changes["reason"] = command.note if act.target == "rejected" else ""
        changes["responded_by"] = command.by
        if alarm.response == "new":
            changes |= {"acknowledged_by": command.by, "acknowledged_ms": command.at_ms}
    elif act.side == "display":
        until = command.until_ms if act.target == "shelved" else None
        changes |= {"shelved_until_ms": until, "display": display_of(until, alarm.suppressed_by)}
        changes["reason"] = command.note if act.target == "shelved" else ""
    elif act.side == "condition":
        changes |= {"condition": "returned", "cleared_ms": command.at_ms}
    return msgspec.structs.replace(alarm, **changes)
