"""What boards ask besides what sensors say: alarms and the engine's accounts of items, as series.

    <device>[/<direction>]/alarm_<kind>   the priority (1 low, 2 medium, 3 high) when an alarm is raised or goes up, 0 when it is over
    <device>/items_received ...           items of a device and hour: points within that hour, to be added up

Both are keyed by what they are about, so replaying the log writes the same points again.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np

from city_model.events import AlarmEvent, DeviceHours, Readings
from city_model.faults import Rejected

_T = TypeVar("_T")
PRIORITY = {"low": 1.0, "medium": 2.0, "high": 3.0}
_STARTS = frozenset({"opened", "recurred", "escalated"})
_ENDS = frozenset({"cleared", "closed"})
_HOUR_MS = 3_600_000
_ITEMS = ("received", "missing", "late", "duplicates", "future")
_NAMES = {"duplicates": "duplicate"}


def of_alarm(data: bytes) -> Readings:
    """The point of a transition; none for what changes only who answers for it. Raises Rejected("malformed")."""
    event = _decoded(data, AlarmEvent)
    alarm = event.alarm
    if event.transition in _STARTS:
        at_ms = alarm.opened_ms if event.transition == "opened" else event.at_ms
        return _columns([(_series(alarm.subject, alarm.device, alarm.kind), at_ms, PRIORITY[alarm.priority])])
    if event.transition in _ENDS:
        return _columns([(_series(alarm.subject, alarm.device, alarm.kind), alarm.cleared_ms or event.at_ms, 0.0)])
    return _columns([])


def of_hours(data: bytes) -> Readings:
    """The points of an account. Accounts of one hour come again and again as increments, so each has a place of its own within the hour:
    as many milliseconds after its beginning as the account is seconds. Raises Rejected("malformed")."""
    account = _decoded(data, DeviceHours)
    rows = []
    for hour in account.rows:
        at_ms = hour.hour_ms + min(max(0, account.at_ms - hour.hour_ms) // 1000, _HOUR_MS - 1)
        rows += [(f"{hour.device}/items_{_NAMES.get(name, name)}", at_ms, float(getattr(hour, name))) for name in _ITEMS]
    return _columns(rows)


def _series(subject: str, device: str, kind: str) -> str:
    """Subjects are `device`, `device/direction` or `device/quantity`; which quantity is left out: an alarm is of the station."""
    rest = subject.partition("/")[2] if kind != "pollution" and subject.startswith(f"{device}/") else ""
    return f"{device or 'city'}/{rest}/alarm_{kind}" if rest else f"{device or 'city'}/alarm_{kind}"


def _columns(rows: list[tuple[str, int, float]]) -> Readings:
    names = {name: number for number, name in enumerate(dict.fromkeys(name for name, *_ in rows))}
    return Readings(
        tuple(names), np.array([names[name] for name, *_ in rows], np.uint16), np.array([at for _, at, _ in rows], np.int64),
        np.array([value for *_, value in rows], np.float64),
    )  # fmt: skip


def _decoded(data: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"{kind.__name__}: {str(err)[:200]}") from err
