"""What a site looks like now: rules from newest figures and open alarms to a state. Pure; time is the city's newest tick.

Unknown is a state of its own: whatever is older than its kind allows is "unknown", never free, never zero. Only the engine says "jam"
(an open alarm); what the page adds by itself is "slow", from the newest sample, and it says so in the legend.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Literal

import msgspec

from city_model.registry import Device, Site

CAMERA_FRESH_MS = 60_000
AIR_FRESH_MS = 600_000
LOOP_FRESH_MS = 900_000
"""Loops report means of five minutes as a rule, some of fifteen."""
ROAD_KINDS = ("camera", "loop")

SLOW_BELOW_KMH = 20.0
"""The congestion detector's `free_above_kmh`: what is slower cannot end a jam either."""
SLOW_BELOW_PX_S = 20.0
"""The same for a camera without scale (`moving_above_px_s`)."""
USED_ABOVE_RATIO = 0.1
"""Below this share of road covered, the speed of the few who pass says nothing about the road."""

AQI_FRESH_MS = 8_400_000
"""An hour's VN_AQI stands at the beginning of its hour and holds until the next is made: two hours, and time to make it."""
AQI_BANDS = (50.0, 100.0, 150.0, 200.0, 300.0)
"""Upper ends of VN_AQI bands 1-5 (Decision 1459/QD-TCMT, 2019)."""
POLLUTANTS = ("pm25", "pm10", "o3", "no2", "so2", "co")
"""What `vn_aqi_dominant` counts in."""

PM25_BANDS = (25.0, 50.0, 80.0, 150.0, 250.0)
"""ug/m3, upper ends of VN_AQI bands 1-5 for PM2.5 (Decision 1459/QD-TCMT, 2019); above the last is band 6."""

State = Literal["jam", "alarm", "slow", "unknown", "free", "ok"]
_WORST_FIRST: tuple[State, ...] = ("jam", "alarm", "slow", "unknown", "free", "ok")

Figures = Mapping[str, tuple[int, float]]
"""Newest points of one device: rest of the series name → (at_ms, value)."""


class DirectionNow(msgspec.Struct, frozen=True):
    """One direction of a camera, or (with an empty `id`) what a loop says of its road. `values` are those of the newest sample; empty when
    there is none."""

    id: str
    state: State
    at_ms: int | None
    values: dict[str, float]


class DeviceNow(msgspec.Struct, frozen=True):
    """One device. `values` (air and loops) is quantity → (value, at_ms), old ones included: the page says how old. `band` is 1-6, 0
    unknown; `by_index`: it is that of a VN_AQI that still holds, else of the newest PM2.5."""

    id: str
    kind: str
    state: State
    at_ms: int | None
    directions: tuple[DirectionNow, ...] = ()
    values: dict[str, tuple[float, int]] = {}
    band: int = 0
    by_index: bool = False


class SiteNow(msgspec.Struct, frozen=True):
    """One site: the worst state of its devices first. `road` is the state of its cameras and loops alone (None: it has none)."""

    id: str
    state: State
    road: State | None
    devices: tuple[DeviceNow, ...]


def site_now(
    site: Site, devices: tuple[Device, ...], figures: Mapping[str, Figures], now_ms: int | None, open_subjects: Set[str]
) -> SiteNow:
    """State of `site`. `now_ms` None: no tick has come, or none for too long, so everything is unknown."""
    seen = tuple(device_now(device, figures.get(device.id, {}), now_ms, open_subjects) for device in devices)
    roads = [device.state for device in seen if device.kind in ROAD_KINDS]
    return SiteNow(site.id, worst([device.state for device in seen]), worst(roads) if roads else None, seen)


def device_now(device: Device, figures: Figures, now_ms: int | None, open_subjects: Set[str]) -> DeviceNow:
    """State of a camera, a loop or an air station."""
    if device.kind == "camera":
        directions = tuple(_direction_now(device.id, d.id, figures, now_ms, open_subjects) for d in device.directions)
        newest = max((d.at_ms for d in directions if d.at_ms is not None), default=None)
        return DeviceNow(device.id, device.kind, worst([d.state for d in directions]), newest, directions)
    newest = max((at_ms for at_ms, _ in figures.values()), default=None)
    values = {quantity: (value, at_ms) for quantity, (at_ms, value) in figures.items()}
    if device.kind == "loop":
        road = _loop_now(device.id, values, newest, now_ms, open_subjects)
        return DeviceNow(device.id, device.kind, road.state, newest, (road,), values)
    state = _air_state(device.id, newest, now_ms, open_subjects)
    by_index = _fresh(figures.get("vn_aqi", (None, 0.0))[0], now_ms, AQI_FRESH_MS) and state != "unknown"
    return DeviceNow(device.id, device.kind, state, newest, (), values, _band(figures, now_ms, by_index), by_index)


def worst(states: list[State]) -> State:
    """The state that calls most; unknown calls more than free. Nothing at all is unknown."""
    return min(states, key=_WORST_FIRST.index, default="unknown")


def _direction_now(device: str, direction: str, figures: Figures, now_ms: int | None, open_subjects: Set[str]) -> DirectionNow:
    mine = {name.partition("/")[2]: point for name, point in figures.items() if name.startswith(direction + "/")}
    newest = max((at_ms for at_ms, _ in mine.values()), default=None)
    values = {quantity: value for quantity, (at_ms, value) in mine.items() if at_ms == newest}
    if not _fresh(newest, now_ms, CAMERA_FRESH_MS):
        return DirectionNow(direction, "unknown", newest, values)
    if f"{device}/{direction}" in open_subjects:
        return DirectionNow(direction, "jam", newest, values)
    return DirectionNow(direction, "slow" if _is_slow(values) else "free", newest, values)


def _loop_now(
    device: str, values: Mapping[str, tuple[float, int]], newest: int | None, now_ms: int | None, open_subjects: Set[str]
) -> DirectionNow:
    figures = {quantity: value for quantity, (value, at_ms) in values.items() if at_ms == newest}
    if not _fresh(newest, now_ms, LOOP_FRESH_MS):
        return DirectionNow("", "unknown", newest, figures)
    slow = figures.get("flow_veh_h", 1.0) > 0 and figures.get("speed_kmh", SLOW_BELOW_KMH) < SLOW_BELOW_KMH
    return DirectionNow("", "jam" if device in open_subjects else "slow" if slow else "free", newest, figures)


def _is_slow(values: Mapping[str, float]) -> bool:
    if values.get("area_occupancy", 1.0) < USED_ABOVE_RATIO:
        return False
    if (speed_kmh := values.get("speed_kmh")) is not None:
        return speed_kmh < SLOW_BELOW_KMH
    speed_px_s = values.get("speed_px_s")
    return speed_px_s is not None and speed_px_s < SLOW_BELOW_PX_S


def _air_state(device: str, newest: int | None, now_ms: int | None, open_subjects: Set[str]) -> State:
    if not _fresh(newest, now_ms, AIR_FRESH_MS):
        return "unknown"
    return "alarm" if any(subject.startswith(device + "/") for subject in open_subjects) else "ok"


def _band(figures: Figures, now_ms: int | None, by_index: bool) -> int:
    if by_index:
        return 1 + sum(figures["vn_aqi"][1] > end for end in AQI_BANDS)
    at_ms, value = figures.get("pm25", (None, 0.0))
    if not _fresh(at_ms, now_ms, AIR_FRESH_MS):
        return 0
    return 1 + sum(value > end for end in PM25_BANDS)


def _fresh(at_ms: int | None, now_ms: int | None, within_ms: int) -> bool:
    return at_ms is not None and now_ms is not None and now_ms - at_ms <= within_ms
