"""The city as it stood at a moment of the past: alarms from their timelines, figures from the series store, states by the rules of now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from city_model.events import Alarm
from city_model.lifecycle import acts, possible
from city_model.registry import City, Device
from dashboards.console.shelf import Card, evidence_series, group_of
from dashboards.console.sites import AIR_FRESH_MS, AQI_FRESH_MS, CAMERA_FRESH_MS, LOOP_FRESH_MS, SiteNow, site_now
from stream_processor.stores.port import SeriesStore

MOST_DEVICES = 150
"""Each is a handful of reads of the store: a larger city is looked at area by area."""
_OF_DIRECTION = ("speed_kmh", "speed_px_s", "area_occupancy", "flow_pcu_h")
_INDEX = ("vn_aqi", "vn_aqi_dominant")
_BY_ITSELF = {
    "cleared": ("condition", "returned"),
    "recurred": ("condition", "active"),
    "suppressed": ("display", "suppressed"),
    "unsuppressed": ("display", "shown"),
}
_replace = msgspec.structs.replace


class Moment(msgspec.Struct, frozen=True):
    """What stood at `at_ms`. `sites` holds those that were asked for; `is_whole` is False where they were too many and none was read."""

    at_ms: int
    sites: dict[str, SiteNow]
    alarms: list[Card]
    is_whole: bool = True


def cards_at(cards: Iterable[Card], at_ms: int) -> list[Card]:
    """Those whose alarm stood open then, as it was; newest first."""
    then = [(_alarm_at(card, at_ms), card) for card in cards]
    found = [
        Card(alarm, group_of(alarm), evidence_series(alarm), tuple(line for line in card.timeline if line.at_ms <= at_ms), possible(alarm))
        for alarm, card in then
        if alarm is not None
    ]
    return sorted(found, key=lambda card: (-card.alarm.opened_ms, card.alarm.id))


def _alarm_at(card: Card, at_ms: int) -> Alarm | None:
    """None where it was not open. What people did later is taken off."""
    alarm = card.alarm
    if alarm.opened_ms > at_ms or (alarm.closed_ms is not None and alarm.closed_ms <= at_ms):
        return None
    by_past = {act.past: (act.side, act.target) for act in acts().values() if act.side} | _BY_ITSELF
    sides = {"condition": "active", "response": "new", "display": "shown"}
    answered_by, cleared_ms = "", None
    for line in card.timeline:
        if line.at_ms > at_ms or line.transition not in by_past:
            continue
        side, target = by_past[line.transition]
        sides[side] = target
        answered_by = line.by if side == "response" else answered_by
        cleared_ms = line.at_ms if side == "condition" else cleared_ms
    is_answered = alarm.acknowledged_ms is not None and alarm.acknowledged_ms <= at_ms
    return _replace(
        alarm, **sides, closed_ms=None, closed_as="", responded_by=answered_by,
        cleared_ms=cleared_ms if sides["condition"] == "returned" else None,
        assigned_to=alarm.assigned_to if sides["response"] == "assigned" else "",
        acknowledged_by=alarm.acknowledged_by if is_answered else "", acknowledged_ms=alarm.acknowledged_ms if is_answered else None,
        suppressed_by=alarm.suppressed_by if sides["display"] == "suppressed" else (),
    )  # fmt: skip


def sites_at(store: SeriesStore, city: City, sites: Sequence[str], cards: Iterable[Card], at_ms: int) -> dict[str, SiteNow]:
    """The state of `sites`, by what the store holds. Blocking. Raises Unavailable."""
    told = ("congestion", "pollution")
    subjects = frozenset(c.alarm.subject for c in cards if c.alarm.condition == "active" and c.alarm.kind in told)
    found = {}
    for site in sites:
        devices = devices_of(city, site)
        figures = {device.id: _figures(store, device, at_ms) for device in devices}
        found[site] = site_now(city.sites[site], devices, figures, at_ms, subjects)
    return found


def devices_of(city: City, site: str) -> tuple[Device, ...]:
    """What measures there."""
    return tuple(device for device in city.device if device.site == site and device.kind != "agent")


def _figures(store: SeriesStore, device: Device, at_ms: int) -> dict[str, tuple[int, float]]:
    found = {}
    for name, fresh_ms in _names(device):
        times, values = store.raw(f"{device.id}/{name}", max(0, at_ms - fresh_ms), at_ms + 1)
        if len(times):
            found[name] = (int(times[-1]), float(values[-1]))
    return found


def _names(device: Device) -> list[tuple[str, int]]:
    """The series of a device, and how old a point may be to say something."""
    if device.kind == "camera":
        return [(f"{way.id}/{quantity}", CAMERA_FRESH_MS) for way in device.directions for quantity in _OF_DIRECTION]
    fresh_ms = LOOP_FRESH_MS if device.kind == "loop" else AIR_FRESH_MS
    index = [(name, AQI_FRESH_MS) for name in _INDEX] if device.kind == "air" else []
    return [(quantity, fresh_ms) for quantity in device.quantities] + index
