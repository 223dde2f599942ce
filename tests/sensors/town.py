"""Six stations of one airshed that breathe the same air, minute by minute, and the ways in which one of them can be sick."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from city_model.codec import packed
from city_model.events import Event, EventType, Readings
from city_model.registry import Area, City, Device, Site
from tests.core.city import NOON_MS

MINUTE_MS = 60_000
Floats = NDArray[np.float64]
STATIONS = tuple(f"air-{i}" for i in range(6))
TOWN = City(
    "Phố", "Town", area=(Area("airshed"),), site=(Site("s", "airshed", "Trạm", "Station", 11.0, 106.0),),
    device=tuple(Device(name, "s", "air", quantities=("pm25", "humidity")) for name in STATIONS),
)  # fmt: skip


def air(minutes: int, station: int, seed: int = 5) -> Floats:
    """PM2.5 around 30 with a daily swing that all share, slow weather and noise of each instrument."""
    shared = np.random.default_rng(seed)
    weather = np.cumsum(shared.normal(0, 0.02, minutes)) * 0.5
    own = np.random.default_rng(seed * 100 + station)
    swing = 1.0 + 0.3 * np.sin(np.arange(minutes) / 1440 * 2 * np.pi)
    return np.asarray(np.round(np.maximum(30.0 * swing + weather + own.normal(0, 1.0, minutes), 1.0), 1), np.float64)


def events(values: Floats, station: str, quantity: str = "pm25", a_message: int = 30) -> list[Event]:
    """A reading a minute, some in each message; NaN is a minute without."""
    at = np.flatnonzero(np.isfinite(values))
    out = []
    for start in range(0, len(at), a_message):
        some = at[start : start + a_message]
        times = NOON_MS + some.astype(np.int64) * MINUTE_MS
        data = packed.encode(Readings((quantity,), np.zeros(len(some), np.uint16), times, values[some]))
        out.append(
            Event(EventType.READINGS, "s", station, "b1", start, len(some), int(times[-1]), packed.CONTENT_TYPE, data, area="airshed")
        )
    return out


def _from(start: int, change: Callable[[Floats, np.random.Generator], Floats]) -> Callable[[Floats], Floats]:
    def sick(values: Floats) -> Floats:
        out = values.copy()
        out[start:] = np.round(change(values[start:], np.random.default_rng(9)), 1)
        return out

    return sick


SICK: dict[str, Callable[[Floats], Floats]] = {
    "stuck": _from(2000, lambda v, r: np.full(len(v), 130.0, np.float64)),
    "spike": _from(2000, lambda v, r: np.where(r.random(len(v)) < 0.05, 900.0, v)),
    "noise": _from(2000, lambda v, r: np.abs(v + r.normal(0, 60, len(v)))),
    "chatter": _from(2000, lambda v, r: np.where(np.arange(len(v)) // 3 % 2 == 0, v + 400.0, v)),
    "out_of_range": _from(2000, lambda v, r: v + 1500.0),
    "saturated": _from(2000, lambda v, r: np.full(len(v), 999.0)),
    "bias": _from(2000, lambda v, r: v + 110.0),
    "drift": _from(2000, lambda v, r: v + 0.08 * np.arange(len(v))),
}
"""What happens to one station from its 2,000th minute on; each would be above the hourly limit sooner or later."""
