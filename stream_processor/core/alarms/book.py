"""The alarms of one partition: one per episode, with a beginning, a worst moment, an end and who answers for it.

The id is computed from (rule, subject, onset), so duplicates, replays and several workers meet in the same alarm. An episode ends when
its condition has been over for the re-alarm interval; back before that, it goes on. Commands carry an id (a repeated one changes
nothing) and the alarm version they were based on (a stale one is refused, and says who was first).

What depends on time alone is decided against the watermark (newest tick less the lateness bound), when all data up to it have been
judged, so that it does not depend on when ticks came. Only escalation and shelving follow the tick itself: they concern people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from city_model.events import Alarm, AlarmEvent, Command, Status, Transition
from city_model.faults import Rejected
from city_model.lifecycle import acts
from city_model.registry import City
from stream_processor.core.alarms.acts import Refusal, apply, display_of
from stream_processor.core.alarms.carried import RULE_CHANGED, settled
from stream_processor.core.alarms.chatter import CHATTERING, Chatter
from stream_processor.core.alarms.delays import Delayed
from stream_processor.core.alarms.gateways import GATEWAY_DOWN, Gateways
from stream_processor.core.alarms.groups import Groups
from stream_processor.core.alarms.identity import alarm_id
from stream_processor.core.alarms.outside import INCIDENT, OutOfService, incident
from stream_processor.core.alarms.settings import AlarmSettings
from stream_processor.core.detectors.port import Rule, Verdict

_KEEP_CLOSED_MS = 30 * 86_400_000
_REMEMBER_COMMANDS = 10_000
_MOST_ESCALATION = 2
_replace = msgspec.structs.replace


class Alarms:
    """State of the alarms, and what changes it: verdicts, commands, status of agents, time."""

    def __init__(self, city: City, rules: Mapping[str, Rule], settings: AlarmSettings | None = None, lateness_ms: int = 0) -> None:
        self._s = settings or AlarmSettings()
        self._city = city
        self._rules = {**rules, GATEWAY_DOWN.name: GATEWAY_DOWN, CHATTERING.name: CHATTERING}
        self._lateness_ms = lateness_ms
        self._realarm_ms = round(self._s.realarm_s * 1000)
        self._alarms: dict[str, Alarm] = {}
        self._open: dict[tuple[str, str], str] = {}
        self._commands: dict[str, None] = {}
        self._delayed = Delayed(self._s.delays)
        self._chatter = Chatter(self._s.chatter_count, round(self._s.chatter_window_s * 1000))
        self._groups = Groups(round(self._s.group_window_s * 1000))
        self._gateways = Gateways(city, round(self._s.gateway_s * 1000), round(self._s.recover_s * 1000))
        self._out = OutOfService(city)

    @property
    def fleeting(self) -> int:
        """Conditions that ended before their on-delay, so far."""
        return self._delayed.fleeting

    def judge(self, verdicts: Sequence[Verdict]) -> Iterator[AlarmEvent]:
        """Transitions that follow from `verdicts`, ordered by event time, rule and subject."""
        for verdict in sorted(verdicts, key=lambda v: (v.at_ms, v.rule, v.subject)):
            for due in self._delayed.pass_on(verdict):
                yield from self._act_on(due)

    def status(self, device: str, status: Status, now_ms: int) -> Iterator[AlarmEvent]:
        """An agent or device said how it is."""
        yield from self._follow(self._gateways.heard(device, status, now_ms))

    def tick(self, now_ms: int) -> Iterator[AlarmEvent]:
        """What time alone decides."""
        watermark_ms = now_ms - self._lateness_ms
        yield from self._follow(self._delayed.until(watermark_ms))
        yield from self._follow(self._chatter.tick(watermark_ms))
        yield from self._follow(self._gateways.tick(now_ms))
        for agent in self._gateways.recovered(now_ms):
            yield from self._behind(agent, self._show, now_ms)
        for alarm in [self._alarms[i] for i in self._open.values()]:
            if alarm.cleared_ms is not None and alarm.cleared_ms + self._realarm_ms < watermark_ms:
                yield self._close(alarm, now_ms)
            elif alarm.shelved_until_ms is not None and alarm.shelved_until_ms <= now_ms:
                shown = display_of(None, alarm.suppressed_by)
                yield self._put(alarm, "unshelved", now_ms, "saola", "its time is over", shelved_until_ms=None, display=shown, reason="")
            else:
                yield from self._escalate(alarm, now_ms)

    def command(self, command: Command) -> Iterator[AlarmEvent]:
        """Carry out an operator's act. Raises Rejected for an alarm, site or device that is not known."""
        if command.id in self._commands:
            return
        if command.kind in ("open_incident", "out_of_service", "in_service"):
            yield from self._from_outside(command)
            self._remember(command)
            return
        alarm = self._alarms.get(command.alarm_id)
        if alarm is None:
            raise Rejected("unknown_alarm", f"command {command.id[:40]!r}: no alarm {command.alarm_id[:40]!r}")
        self._remember(command)
        result = apply(alarm, command)
        if isinstance(result, Refusal):
            yield AlarmEvent("refused", command.at_ms, command.by, result.why, alarm, command.id, result.code)
            return
        yield self._keep(result, _past(command), command.at_ms, command.by, command.note, command.id)

    def carry_over(self, told: Iterable[Alarm], now_ms: int) -> Iterator[AlarmEvent]:
        """Take what was told before the rules changed for the truth, and settle it with what the rules say now."""
        held = {key: self._alarms[i] for key, i in self._open.items()}
        self._alarms = {alarm.id: alarm for alarm in told}
        self._open = {_key(alarm): alarm.id for alarm in self._alarms.values() if alarm.closed_ms is None}
        was = {key: self._alarms[i] for key, i in self._open.items()}
        for alarm, transition in settled(was, held, frozenset(self._alarms), now_ms):
            self._open[_key(alarm)] = alarm.id
            yield self._keep(alarm, transition, now_ms, "saola", RULE_CHANGED)

    def is_of_other_rules(self, told: Iterable[Alarm]) -> bool:
        """Whether an open alarm among `told` was raised by another version of its rule."""
        return any(a.closed_ms is None and a.rule in self._rules and a.rule_version != self._rules[a.rule].version for a in told)

    def forget(self, now_ms: int) -> Iterator[str]:
        """Ids of alarms that closed more than 30 days ago: their current state gets a tombstone, their history stays."""
        gone = [a.id for a in self._alarms.values() if a.closed_ms is not None and a.closed_ms < now_ms - _KEEP_CLOSED_MS]
        for dead in gone:
            del self._alarms[dead]
            yield dead

    def _follow(self, verdicts: Iterator[Verdict] | Sequence[Verdict]) -> Iterator[AlarmEvent]:
        for verdict in verdicts:
            yield from self._act_on(verdict)
            yield from self._explain_silence(verdict)

    def _act_on(self, verdict: Verdict) -> Iterator[AlarmEvent]:
        key = (verdict.rule, verdict.subject)
        current = self._alarms.get(self._open.get(key, ""))
        if verdict.kind == "onset":
            if current is None:
                yield self._open_new(verdict)
            elif current.cleared_ms is not None and verdict.at_ms - current.cleared_ms <= self._realarm_ms:
                yield from self._recur(current, verdict)
            elif current.cleared_ms is not None:
                yield self._close(current, verdict.at_ms)
                yield self._open_new(verdict)
        elif current is None or current.condition == "returned":
            return
        elif verdict.kind == "worse":
            worst = {"worst_value": verdict.value, "worst_ms": verdict.at_ms, "evidence": verdict.evidence}
            yield self._put(current, "worsened", verdict.at_ms, verdict.rule, verdict.why, **worst)
        else:
            over = {"condition": "returned", "cleared_ms": verdict.at_ms}
            yield self._put(current, "cleared", verdict.at_ms, verdict.rule, "the condition has ended", **over)

    def _open_new(self, verdict: Verdict) -> AlarmEvent:
        rule, site = self._rules[verdict.rule], self._city.site_of(verdict.device)
        alarm = Alarm(
            id=alarm_id(verdict.rule, verdict.subject, verdict.onset_ms), rule=rule.name, rule_version=rule.version, kind=rule.alarm_kind,
            subject=verdict.subject, device=verdict.device, site=site.id, area=site.area, priority=rule.priority,
            onset_ms=verdict.onset_ms, opened_ms=verdict.at_ms, value=verdict.value, unit=rule.unit, threshold=verdict.threshold,
            worst_value=verdict.value, worst_ms=verdict.at_ms, confidence=verdict.confidence, evidence=verdict.evidence,
        )  # fmt: skip
        gateway = self._gateways.down_for(alarm.device) if alarm.kind == "maintenance" else ""
        hidden = (*((f"gateway_down:{gateway}",) if gateway else ()), *self._out.hides(alarm.device))
        group = self._groups.of(alarm, gateway)
        alarm = _replace(alarm, group=group, suppressed_by=hidden, display=display_of(None, hidden))
        self._open[_key(alarm)] = alarm.id
        return self._keep(alarm, "opened", verdict.at_ms, verdict.rule, verdict.why)

    def _recur(self, alarm: Alarm, verdict: Verdict) -> Iterator[AlarmEvent]:
        back = {"condition": "active", "cleared_ms": None, "recurrences": alarm.recurrences + 1}
        yield self._put(alarm, "recurred", verdict.at_ms, verdict.rule, verdict.why, **back)
        for chattering in self._chatter.returned(verdict):
            yield from self._act_on(chattering)
            if alarm.priority != "high":
                yield from self._hide(self._alarms[alarm.id], "chattering", verdict.at_ms)

    def _explain_silence(self, verdict: Verdict) -> Iterator[AlarmEvent]:
        """A gateway or a chattering subject changed: what it explains is hidden, or shown again."""
        if verdict.rule == CHATTERING.name and verdict.kind == "clear":
            subject, _, rule = verdict.subject.rpartition("#")
            alarm = self._alarms.get(self._open.get((rule, subject), ""))
            if alarm is not None:
                yield from self._show(alarm, "chattering", verdict.at_ms)
        if verdict.rule == GATEWAY_DOWN.name and verdict.kind == "onset":
            yield from self._behind(verdict.device, self._hide, verdict.at_ms)

    def _behind(self, agent: str, change: Callable[[Alarm, str, int], Iterator[AlarmEvent]], at_ms: int) -> Iterator[AlarmEvent]:
        """Hide or show the maintenance alarms of the devices that `agent` carries, while their condition holds."""
        carried = {device.id for device in self._city.carried_by(agent)} - {agent}
        for alarm in [self._alarms[i] for i in self._open.values()]:
            if alarm.device in carried and alarm.kind == "maintenance" and alarm.condition == "active":
                yield from change(alarm, f"gateway_down:{agent}", at_ms)

    def _hide(self, alarm: Alarm, by: str, at_ms: int) -> Iterator[AlarmEvent]:
        if by not in alarm.suppressed_by:
            hidden = (*alarm.suppressed_by, by)
            yield self._put(
                alarm, "suppressed", at_ms, "saola", by, suppressed_by=hidden, display=display_of(alarm.shelved_until_ms, hidden)
            )

    def _show(self, alarm: Alarm, by: str, at_ms: int) -> Iterator[AlarmEvent]:
        if by in alarm.suppressed_by:
            yield self._hidden_by(alarm, "unsuppressed", by, at_ms, tuple(other for other in alarm.suppressed_by if other != by))

    def _hidden_by(self, alarm: Alarm, transition: Transition, why: str, at_ms: int, reasons: tuple[str, ...]) -> AlarmEvent:
        display = display_of(alarm.shelved_until_ms, reasons)
        return self._put(alarm, transition, at_ms, "saola", why, suppressed_by=reasons, display=display)

    def _escalate(self, alarm: Alarm, now_ms: int) -> Iterator[AlarmEvent]:
        after_ms = self._s.escalate_ms[alarm.priority] * 2**alarm.escalation
        waits = alarm.response == "new" and alarm.condition == "active" and alarm.display == "shown"
        if waits and 0 < after_ms <= now_ms - alarm.opened_ms and alarm.escalation < _MOST_ESCALATION:
            minutes = (now_ms - alarm.opened_ms) // 60_000
            yield self._put(alarm, "escalated", now_ms, "saola", f"nobody for {minutes} minutes", escalation=alarm.escalation + 1)

    def _close(self, alarm: Alarm, at_ms: int) -> AlarmEvent:
        self._open.pop(_key(alarm), None)
        how = {"new": "unacknowledged", "rejected": "rejected"}.get(alarm.response, "acknowledged")
        closed = {"closed_ms": at_ms, "closed_as": how, "shelved_until_ms": None, "settled_version": alarm.version + 1}
        return self._put(alarm, "closed", at_ms, "saola", how, display=display_of(None, alarm.suppressed_by), **closed)

    def _from_outside(self, command: Command) -> Iterator[AlarmEvent]:
        if command.kind == "open_incident":
            alarm = incident(self._city, command)
            self._open[_key(alarm)] = alarm.id
            yield self._keep(alarm, "opened", command.at_ms, command.by, command.note, command.id)
            return
        device = self._out.set(command)
        for alarm in [self._alarms[i] for i in self._open.values()]:
            if alarm.device == device:
                change = self._hide if command.kind == "out_of_service" else self._show
                yield from change(alarm, "out_of_service", command.at_ms)

    def _remember(self, command: Command) -> None:
        self._commands[command.id] = None
        while len(self._commands) > _REMEMBER_COMMANDS:
            del self._commands[next(iter(self._commands))]

    def _put(self, alarm: Alarm, transition: Transition, at_ms: int, by: str, why: str, **changes: Any) -> AlarmEvent:  # noqa: ANN401
        return self._keep(_replace(alarm, version=alarm.version + 1, **changes), transition, at_ms, by, why)

    def _keep(self, alarm: Alarm, transition: Transition, at_ms: int, by: str, why: str, command_id: str = "") -> AlarmEvent:
        self._alarms[alarm.id] = alarm
        return AlarmEvent(transition, at_ms, by, why, alarm, command_id)

    def snapshot(self) -> dict[str, Any]:
        return {
            "alarms": [msgspec.to_builtins(a) for a in self._alarms.values()],
            "commands": list(self._commands),
            "delayed": self._delayed.snapshot(),
            "chatter": self._chatter.snapshot(),
            "groups": self._groups.snapshot(),
            "gateways": self._gateways.snapshot(),
            "out": self._out.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        alarms = [msgspec.convert(row, Alarm) for row in state["alarms"]]
        self._alarms = {alarm.id: alarm for alarm in alarms}
        self._open = {_key(alarm): alarm.id for alarm in alarms if alarm.closed_ms is None}
        self._commands = dict.fromkeys(state["commands"])
        self._delayed.restore(state["delayed"])
        self._chatter.restore(state["chatter"])
        self._groups.restore(state["groups"])
        self._gateways.restore(state["gateways"])
        self._out.restore(state["out"])


def _key(alarm: Alarm) -> tuple[str, str]:
    """What there is one open alarm of: incidents are each their own."""
    return alarm.rule, alarm.id if alarm.rule == INCIDENT else alarm.subject


def _past(command: Command) -> Transition:
    return cast(Transition, acts()[command.kind].past)
