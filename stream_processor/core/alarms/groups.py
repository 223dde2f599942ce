"""Alarms with one cause: of one kind in one area, each within `window_ms` of the last. A group carries the id of its first alarm."""

from __future__ import annotations

from typing import Any

from city_model.events import Alarm

_GROUPED = frozenset(("congestion", "pollution", "stopped_vehicle"))
"""A jam spreads along its corridor, a plume over its airshed; a stopped vehicle is grouped with others of its kind."""


class Groups:
    """The newest group per (area, kind)."""

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._newest: dict[tuple[str, str], tuple[str, int]] = {}

    def of(self, alarm: Alarm, gateway: str = "") -> str:
        """The group of an alarm that just opened; `gateway` is the agent whose loss explains it."""
        if gateway:
            return f"gateway:{gateway}"
        if alarm.kind not in _GROUPED:
            return ""
        key = (alarm.area, alarm.kind)
        group, last_ms = self._newest.get(key, ("", 0))
        if not group or alarm.opened_ms - last_ms > self._window_ms:
            group = alarm.id
        self._newest[key] = (group, max(last_ms, alarm.opened_ms))
        return group

    def snapshot(self) -> list[Any]:
        return [[area, kind, group, at_ms] for (area, kind), (group, at_ms) in self._newest.items()]

    def restore(self, state: list[Any]) -> None:
        self._newest = {(area, kind): (group, at_ms) for area, kind, group, at_ms in state}
