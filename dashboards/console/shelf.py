"""The alarms the page knows: current state from the `alarms` topic, timelines from `alarm-events`, in the order an operator needs them."""

from __future__ import annotations

from typing import Literal

import msgspec

from city_model.events import Alarm, AlarmEvent
from city_model.lifecycle import possible
from dashboards.console.people import Sight

MOST_ALARMS = 10_000
MOST_TRANSITIONS = 50
MOST_SHOWN = 200

Group = Literal["needs", "handled", "maintenance", "hidden", "returned"]
_GROUPS: tuple[Group, ...] = ("needs", "handled", "maintenance", "hidden", "returned")
_PRIORITIES = ("high", "medium", "low")
_SPEED, _OCCUPANCY = "speed_kmh", "area_occupancy"


class Transition(msgspec.Struct, frozen=True):
    """One line of a timeline; `position` is partition:offset in `alarm-events`."""

    position: str
    transition: str
    at_ms: int
    by: str
    why: str
    value: float
    command_id: str


class Card(msgspec.Struct, frozen=True):
    """An alarm as the page draws it. `series` is what its evidence chart shows, `acts` what can be done about it (`lifecycle.toml`)."""

    alarm: Alarm
    group: Group
    series: str
    timeline: tuple[Transition, ...]
    acts: tuple[str, ...] = ()


def group_of(alarm: Alarm) -> Group:
    """Needs somebody, has somebody, is for technicians, is hidden (shelved, suppressed, rejected as false), or is over."""
    if alarm.condition == "returned" or alarm.closed_ms is not None:
        return "returned"
    if alarm.display != "shown" or alarm.response == "rejected":
        return "hidden"
    if alarm.kind == "maintenance":
        return "maintenance"
    return "needs" if alarm.response == "new" else "handled"


def evidence_series(alarm: Alarm) -> str:
    """The series that the alarm's value and threshold belong to, or that shows what it did; empty where nothing was measured."""
    if alarm.kind in ("congestion", "stopped_vehicle", "wrong_way"):
        return f"{alarm.subject}/{_OCCUPANCY if alarm.unit == '/' else _SPEED}"
    if alarm.kind in ("maintenance", "incident"):
        return ""
    if alarm.rule == "plume":
        return f"{alarm.device}/pm25"
    return alarm.subject


class Shelf:
    """Alarms by id, newest version wins; bounded, giving up what ended longest ago."""

    def __init__(self) -> None:
        self._alarms: dict[str, Alarm] = {}
        self._timelines: dict[str, list[Transition]] = {}

    def put(self, alarm: Alarm) -> bool:
        """Keep `alarm` unless a newer version is known. True when something changed."""
        known = self._alarms.get(alarm.id)
        if known is not None and known.version >= alarm.version:
            return False
        self._alarms[alarm.id] = alarm
        if len(self._alarms) > MOST_ALARMS:
            self._give_up()
        return True

    def add(self, event: AlarmEvent, position: str) -> bool:
        """A transition and the state after it. False when it is known already."""
        self.put(event.alarm)
        lines = self._timelines.setdefault(event.alarm.id, [])
        if any(line.position == position for line in lines):
            return False
        value = event.alarm.worst_value if event.transition == "worsened" else event.alarm.value
        lines.append(Transition(position, event.transition, event.at_ms, event.by, event.why, value, event.command_id))
        if len(lines) > MOST_TRANSITIONS:
            del lines[1]  # how it began is worth more than what came second
        return True

    def drop(self, alarm_id: str) -> bool:
        """The log has a tombstone for it."""
        self._timelines.pop(alarm_id, None)
        return self._alarms.pop(alarm_id, None) is not None

    def get(self, alarm_id: str) -> Alarm | None:
        return self._alarms.get(alarm_id)

    def card(self, alarm_id: str) -> Card:
        """Raises KeyError for an alarm that is not here."""
        alarm = self._alarms[alarm_id]
        return Card(alarm, group_of(alarm), evidence_series(alarm), tuple(self._timelines.get(alarm_id, ())), possible(alarm))

    def ranked(self, sight: Sight | None = None) -> list[Card]:
        """What needs somebody first, high before low, newest before old; at most `MOST_SHOWN` of what `sight` (None: everything) sees."""
        order = sorted((alarm for alarm in self._alarms.values() if sight is None or sight.sees(alarm)), key=_rank)
        return [self.card(alarm.id) for alarm in order[:MOST_SHOWN]]

    def all(self) -> list[Alarm]:
        """Every alarm that is known, in no order."""
        return list(self._alarms.values())

    def open_subjects(self) -> frozenset[str]:
        """Subjects that are jammed or whose air is bad now; other kinds of alarms (wrong way, maintenance) say nothing of that."""
        told = ("congestion", "pollution")
        return frozenset(a.subject for a in self._alarms.values() if a.condition == "active" and a.kind in told)

    def opened_since(self, at_ms: int) -> int:
        return sum(alarm.opened_ms > at_ms for alarm in self._alarms.values())

    def _give_up(self) -> None:
        oldest = max(self._alarms.values(), key=_rank)
        self.drop(oldest.id)


def _rank(alarm: Alarm) -> tuple[int, int, int, str]:
    group = group_of(alarm)
    newest_ms = alarm.opened_ms if alarm.cleared_ms is None else alarm.cleared_ms
    priority = 0 if group == "returned" else _PRIORITIES.index(alarm.priority)
    return _GROUPS.index(group), priority, -newest_ms, alarm.id
