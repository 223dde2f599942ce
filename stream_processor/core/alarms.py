"""Verdicts and operators' commands become alarms: one per episode, with a beginning, a worst moment, an end and who answers for it.

The id is computed from (rule, subject, onset), so duplicates, replays and several workers meet in the same alarm. Commands carry an id
(a repeated one changes nothing) and the alarm version they were based on (a stale one is refused, and says who was first).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from city_model.events import Alarm, AlarmEvent, Command
from city_model.faults import Rejected
from city_model.registry import City
from stream_processor.core.detectors.port import Rule, Verdict

_KEEP_CLOSED_MS = 30 * 86_400_000
_REMEMBER_COMMANDS = 10_000
_PROCESSING_FIELDS = ("version", "acknowledged_ms", "acknowledged_by", "response")

_encode = msgspec.json.Encoder(order="deterministic").encode


def alarm_id(rule: str, subject: str, onset_ms: int) -> str:
    """The same for the same episode, wherever and however often it is computed."""
    return hashlib.sha256(f"{rule}\n{subject}\n{onset_ms}".encode()).hexdigest()[:20]


def canonical(alarms: Iterable[Alarm]) -> bytes:
    """Alarms as one byte string: sorted, without processing times, so that two runs can be compared."""
    rows = [msgspec.to_builtins(alarm) for alarm in sorted(alarms, key=lambda a: (a.onset_ms, a.rule, a.subject))]
    return _encode([{k: v for k, v in row.items() if k not in _PROCESSING_FIELDS} for row in rows])


def alarms_sha256(alarms: Iterable[Alarm]) -> str:
    """Hash of the canonical form."""
    return hashlib.sha256(canonical(alarms)).hexdigest()


class Alarms:
    """The alarms of one partition."""

    def __init__(self, city: City, rules: Mapping[str, Rule]) -> None:
        self._city = city
        self._rules = rules
        self._alarms: dict[str, Alarm] = {}
        self._open: dict[tuple[str, str], str] = {}
        self._commands: dict[str, None] = {}

    def judge(self, verdicts: Sequence[Verdict]) -> Iterator[AlarmEvent]:
        """Transitions that follow from `verdicts`, ordered by event time, rule and subject."""
        for verdict in sorted(verdicts, key=lambda v: (v.at_ms, v.rule, v.subject)):
            key = (verdict.rule, verdict.subject)
            current = self._alarms.get(self._open.get(key, ""))
            if verdict.kind == "onset" and current is None:
                yield self._open_new(verdict)
            elif verdict.kind == "worse" and current is not None:
                worse = msgspec.structs.replace(
                    current, worst_value=verdict.value, worst_ms=verdict.at_ms, evidence=verdict.evidence, version=current.version + 1
                )
                yield self._keep(worse, "worsened", verdict.at_ms, verdict.rule, verdict.why)
            elif verdict.kind == "clear" and current is not None:
                del self._open[key]
                over = msgspec.structs.replace(current, condition="returned", cleared_ms=verdict.at_ms, version=current.version + 1)
                yield self._keep(over, "cleared", verdict.at_ms, verdict.rule, "the condition has ended")

    def command(self, command: Command) -> Iterator[AlarmEvent]:
        """Carry out an operator's act. Raises Rejected for an alarm that is not known."""
        alarm = self._alarms.get(command.alarm_id)
        if alarm is None:
            raise Rejected("unknown_alarm", f"command {command.id[:40]!r}: no alarm {command.alarm_id[:40]!r}")
        if command.id in self._commands:
            return
        self._commands[command.id] = None
        while len(self._commands) > _REMEMBER_COMMANDS:
            del self._commands[next(iter(self._commands))]
        if refusal := _refusal(alarm, command):
            yield AlarmEvent("refused", command.at_ms, command.by, refusal, alarm, command.id)
            return
        done = msgspec.structs.replace(
            alarm, response="acknowledged", acknowledged_by=command.by, acknowledged_ms=command.at_ms, version=alarm.version + 1
        )
        yield self._keep(done, "acknowledged", command.at_ms, command.by, command.note, command.id)

    def forget(self, now_ms: int) -> Iterator[str]:
        """Ids of alarms that ended more than 30 days ago: their current state gets a tombstone, their history stays."""
        gone = [a.id for a in self._alarms.values() if a.cleared_ms is not None and a.cleared_ms < now_ms - _KEEP_CLOSED_MS]
        for dead in gone:
            del self._alarms[dead]
            yield dead

    def _open_new(self, verdict: Verdict) -> AlarmEvent:
        rule, site = self._rules[verdict.rule], self._city.site_of(verdict.device)
        alarm = Alarm(
            id=alarm_id(verdict.rule, verdict.subject, verdict.onset_ms), rule=rule.name, rule_version=rule.version, kind=rule.alarm_kind,
            subject=verdict.subject, device=verdict.device, site=site.id, area=site.area, priority=rule.priority,
            onset_ms=verdict.onset_ms, opened_ms=verdict.at_ms, value=verdict.value, unit=rule.unit, threshold=verdict.threshold,
            worst_value=verdict.value, worst_ms=verdict.at_ms, confidence=verdict.confidence, evidence=verdict.evidence,
        )  # fmt: skip
        self._open[verdict.rule, verdict.subject] = alarm.id
        return self._keep(alarm, "opened", verdict.at_ms, verdict.rule, verdict.why)

    def _keep(self, alarm: Alarm, transition: Any, at_ms: int, by: str, why: str, command_id: str = "") -> AlarmEvent:  # noqa: ANN401
        self._alarms[alarm.id] = alarm
        return AlarmEvent(transition, at_ms, by, why, alarm, command_id)

    def snapshot(self) -> dict[str, Any]:
        return {"alarms": [msgspec.to_builtins(a) for a in self._alarms.values()], "commands": list(self._commands)}

    def restore(self, state: dict[str, Any]) -> None:
        alarms = [msgspec.convert(row, Alarm) for row in state["alarms"]]
        self._alarms = {alarm.id: alarm for alarm in alarms}
        self._open = {(a.rule, a.subject): a.id for a in alarms if a.condition == "active"}
        self._commands = dict.fromkeys(state["commands"])


def _refusal(alarm: Alarm, command: Command) -> str:
    if alarm.response == "acknowledged":
        return f"already acknowledged by {alarm.acknowledged_by}"
    if command.version != alarm.version:
        return f"the alarm has changed: version {alarm.version}, the command was based on {command.version}"
    return ""
