"""The air over the city: what each station would read, minute by minute.

    value = base · day's rhythm · the region's mood · the station's mood + smoke + the instrument's noise

Every term is a closed form of (seed, station, quantity, minute). Minutes are computed in fixed blocks, so a reading does not depend on who
asked for which span.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from city_model.events import Readings
from city_model.quantities import QUANTITIES

Floats = NDArray[np.float64]
Minutes = NDArray[np.int64]

MINUTE_MS = 60_000
_BLOCK_MIN = 360
_BLOCKS_KEPT = 4096
_NOISE_LAGS = 24
_M_PER_DEGREE = 111_320.0
_PLUME_RISE_S = 240.0  # a fire needs minutes to grow, and its smoke is spread along the wind on the way


@dataclass(frozen=True, slots=True)
class Station:
    """Where a station stands (WGS 84 degrees) and what it measures. `pm25` is its mean over a usual day, ug/m3."""

    device: str
    latitude: float
    longitude: float
    quantities: tuple[str, ...]
    pm25: float = 25.0


@dataclass(frozen=True, slots=True)
class Wind:
    """Where it comes from (degrees, 0 north, 90 east) and how fast."""

    from_deg: float = 120.0
    speed_m_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Plume:
    """Smoke of a fire. `pm25_at_1km` is the rise of PM2.5 on the axis 1 km downwind, ug/m3; it thins with distance as 1/x."""

    latitude: float
    longitude: float
    from_ms: int
    to_ms: int
    pm25_at_1km: float
    half_angle: float = 0.14  # sideways standard deviation, metres per metre downwind: slightly unstable air (Pasquill C)


@dataclass(frozen=True, slots=True)
class _Rhythm:
    """How a quantity behaves: `mean` over the day, and (hour, width in hours, share) bumps on it; `memory` is AR(1) per minute."""

    mean: float
    bumps: tuple[tuple[float, float, float], ...]
    noise: float
    memory: float
    decimals: int
    moody: float = 0.0  # how far region and station moods move it, share
    smoke: float = 0.0  # ug/m3 for each ug/m3 of PM2.5 in smoke


_TRAFFIC = ((7.5, 1.3, 0.28), (18.5, 1.8, 0.30))
RHYTHMS = {
    # shapes of dry-season days in southern Vietnam: traffic peaks, calm and shallow air at night, well mixed at midday
    "pm25": _Rhythm(1.0, (*_TRAFFIC, (2.0, 3.5, 0.18), (13.5, 2.5, -0.22)), 1.3, 0.6, 1, 0.13, 1.0),
    "pm10": _Rhythm(1.75, (*_TRAFFIC, (2.0, 3.5, 0.10), (13.5, 2.5, -0.15)), 2.4, 0.6, 1, 0.13, 1.2),
    "no2": _Rhythm(28.0, ((7.5, 1.3, 0.55), (18.5, 2.0, 0.65), (13.0, 3.0, -0.3)), 1.5, 0.5, 1, 0.10, 0.04),
    "so2": _Rhythm(14.0, ((10.0, 3.0, 0.2),), 0.8, 0.5, 1, 0.15, 0.03),
    "co": _Rhythm(720.0, ((7.5, 1.3, 0.45), (18.5, 2.0, 0.55), (3.0, 3.0, -0.2)), 25.0, 0.5, 0, 0.10, 8.0),
    "o3": _Rhythm(42.0, ((13.5, 2.8, 1.15), (7.0, 1.8, -0.45), (20.0, 3.0, -0.35)), 2.0, 0.7, 1, 0.08, 0.0),
    "temperature": _Rhythm(28.5, ((14.0, 3.6, 0.20), (5.0, 3.5, -0.13)), 0.08, 0.8, 1, 0.01, 0.0),
    "humidity": _Rhythm(72.0, ((14.0, 3.6, -0.30), (5.0, 3.5, 0.18)), 0.5, 0.8, 1, 0.02, 0.0),
    "pressure": _Rhythm(1009.0, ((10.0, 2.5, 0.0018), (16.0, 2.5, -0.0020)), 0.05, 0.9, 1, 0.0003, 0.0),
    "rain": _Rhythm(0.0, (), 0.0, 0.0, 1),
}


class AirModel:
    """All stations under one sky."""

    def __init__(
        self, seed: int, stations: Sequence[Station], wind: Wind | None = None, plumes: Iterable[Plume] = (), utc_offset_s: int = 25_200
    ) -> None:
        self.stations = {station.device: station for station in stations}
        self.wind = wind or Wind()
        self.plumes = tuple(plumes)
        self._seed = seed
        self._utc_offset_s = utc_offset_s
        self._blocks: dict[tuple[str, str, int], Floats] = {}

    def readings(self, device: str, start_ms: int, stop_ms: int) -> Readings:
        """All quantities of a station at every whole minute with start_ms <= time < stop_ms, in order of time. Unknown device: KeyError."""
        station = self.stations[device]
        minutes = np.arange(-(-start_ms // MINUTE_MS), -(-stop_ms // MINUTE_MS), dtype=np.int64)
        columns = [self.values(device, quantity, minutes) for quantity in station.quantities]
        number = len(station.quantities)
        value = np.stack(columns, axis=1).ravel() if len(minutes) and columns else np.zeros(0)
        at_ms = np.repeat(minutes * MINUTE_MS, number)
        return Readings(station.quantities, np.tile(np.arange(number, dtype=np.uint16), len(minutes)), at_ms, value)

    def values(self, device: str, quantity: str, minutes: Minutes) -> Floats:
        """What the station reads of `quantity` at those minutes (whole minutes since 1970), one value each."""
        if not len(minutes):
            return np.zeros(0)
        numbers = minutes // _BLOCK_MIN
        first, last = int(numbers[0]), int(numbers[-1])
        joined = np.concatenate([self._block(device, quantity, number) for number in range(first, last + 1)])
        return joined[minutes - first * _BLOCK_MIN]

    def smoke(self, station: Station, minutes: Minutes) -> Floats:
        """PM2.5 from all plumes, ug/m3, before noise."""
        at_s: Floats = minutes * np.float64(60)
        total = np.zeros(len(minutes))
        for plume in self.plumes:
            total += _plume_pm25(plume, station, self.wind, at_s)
        return total

    def _block(self, device: str, quantity: str, number: int) -> Floats:
        key = (device, quantity, number)
        if key not in self._blocks:
            if len(self._blocks) >= _BLOCKS_KEPT:
                self._blocks.clear()
            minutes = np.arange(number * _BLOCK_MIN, (number + 1) * _BLOCK_MIN, dtype=np.int64)
            self._blocks[key] = self._compute(self.stations[device], quantity, minutes)
        return self._blocks[key]

    def _compute(self, station: Station, quantity: str, minutes: Minutes) -> Floats:
        if quantity.startswith("wind_"):
            return self._wind(station, quantity, minutes)
        rhythm, limits = RHYTHMS[quantity], QUANTITIES[quantity]
        hour: Floats = (minutes * np.float64(60) + self._utc_offset_s) % 86_400 / 3600
        day = np.ones(len(minutes))
        for centre, width, share in rhythm.bumps:
            day += share * _bump(hour, centre, width)
        level = rhythm.mean * (station.pm25 if quantity in ("pm25", "pm10") else 1.0)
        mood = 1 + rhythm.moody * (0.75 * self._mood("region", minutes) + 0.45 * self._mood(station.device, minutes))
        noise = rhythm.noise * self._noise(f"{station.device}/{quantity}", rhythm.memory, minutes)
        value = level * day * mood + rhythm.smoke * self.smoke(station, minutes) + noise
        return _rounded(np.clip(value, limits.low, limits.high), rhythm.decimals)

    def _wind(self, station: Station, quantity: str, minutes: Minutes) -> Floats:
        noise = self._noise(f"{station.device}/{quantity}", 0.6, minutes)
        if quantity == "wind_speed":
            return _rounded(np.clip(self.wind.speed_m_s + 0.5 * noise, 0.1, 60), 1)
        return _rounded((self.wind.from_deg + 9 * noise) % 360, 0) % 360

    def _mood(self, whose: str, minutes: Minutes) -> Floats:
        """-1..1, slow: weather and everything nobody models. Periods of 7 h, 2.6 h and 50 min, phases from the seed."""
        phases = np.random.default_rng([self._seed, crc32(whose.encode())]).uniform(0, 2 * np.pi, 3)
        mood = np.zeros(len(minutes))
        for (period, share), phase in zip(((420, 0.5), (156, 0.3), (50, 0.2)), phases, strict=True):
            mood += share * np.sin(2 * np.pi / period * minutes + phase)
        return mood

    def _noise(self, whose: str, memory: float, minutes: Minutes) -> Floats:
        """AR(1) of unit variance, as the weighted sum of the last independent draws; each draw belongs to its minute."""
        key = self._seed * 1_000_003 + crc32(whose.encode())
        wide = np.arange(minutes[0] - _NOISE_LAGS, minutes[-1] + 1, dtype=np.int64)
        draws = _gauss(wide, key)
        weights = memory ** np.arange(_NOISE_LAGS + 1)
        noise = np.zeros(len(minutes))
        for lag, weight in enumerate(weights / np.sqrt(np.sum(weights**2))):
            noise += weight * draws[_NOISE_LAGS - lag : len(draws) - lag]
        return noise


def _rounded(values: Floats, decimals: int) -> Floats:
    return np.round(values, decimals)


def offset_m(from_latitude: float, from_longitude: float, latitude: float, longitude: float) -> tuple[float, float]:
    """Metres east and north, on the flat: the city is small."""
    east = (longitude - from_longitude) * _M_PER_DEGREE * math.cos(math.radians(from_latitude))
    return east, (latitude - from_latitude) * _M_PER_DEGREE


def downwind_m(plume: Plume, latitude: float, longitude: float, wind: Wind) -> tuple[float, float]:
    """Metres along the wind and across it, from the plume's source."""
    east, north = offset_m(plume.latitude, plume.longitude, latitude, longitude)
    towards = math.radians(wind.from_deg + 180)
    along = east * math.sin(towards) + north * math.cos(towards)
    return along, east * math.cos(towards) - north * math.sin(towards)


def _plume_pm25(plume: Plume, station: Station, wind: Wind, at_s: Floats) -> Floats:
    """A ground-level Gaussian plume: nothing upwind, 1/x on the axis, a bell across, and later the farther away."""
    along, across = downwind_m(plume, station.latitude, station.longitude, wind)
    if along < 50:
        return np.zeros_like(at_s)
    peak = plume.pm25_at_1km * 1000 / max(along, 200.0) * math.exp(-0.5 * (across / (plume.half_angle * along + 30)) ** 2)
    travel_s, spread_s = along / wind.speed_m_s, _PLUME_RISE_S + 0.15 * along / wind.speed_m_s
    here = _ramp((at_s - plume.from_ms / 1000 - travel_s) / spread_s) - _ramp((at_s - plume.to_ms / 1000 - travel_s) / spread_s)
    gusts = 1 + 0.12 * np.sin(at_s / 211 + across) + 0.08 * np.sin(at_s / 97 + along)
    return peak * here * gusts


def _ramp(x: Floats) -> Floats:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _bump(hour: Floats, centre: float, width_h: float) -> Floats:
    away = (hour - centre + 12) % 24 - 12
    bump: Floats = np.exp(-0.5 * (away / width_h) ** 2)
    return bump


def _gauss(index: Minutes, key: int) -> Floats:
    """One nearly normal draw for each index: splitmix64 of index and key, four of its 16-bit parts summed (Irwin-Hall)."""
    with np.errstate(over="ignore"):
        z = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key & 0xFFFFFFFFFFFFFFFF)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    parts = [((z >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64) for shift in (0, 16, 32, 48)]
    draws: Floats = (np.sum(parts, axis=0) / 65_536 - 2) * math.sqrt(3)
    return draws
