"""Plume: smoke or dust of one source drifting over several stations with the wind.

Judged by ticks, area by area, on five-minute medians of PM2.5 up to the lateness bound, so the order of arrival does not matter. A station
is *hit* when each of its last three slots is above its own last two hours by `rise_ug_m3`. Onset when `min_stations` or more of an area are
hit and lie one behind the other along the wind (beside the axis by no more than half their distance and 500 m), while `clean_share` of
the area's stations are not hit: air that is bad everywhere is no plume. Clear when no hit station is above its baseline by six tenths
of the rise for a quarter of an hour, or after `longest_h`. Without wind, or without places, nothing is known. One plume at a time for each
area; it is told of at its most upwind station, whose side the source is on.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from city_model.registry import City
from city_model.settings import between
from stream_processor.core.air.slots import RECENT, SLOT_MS, SLOTS, SlotMedians, keep
from stream_processor.core.columnar import Lists, Rows
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version

_CODE_VERSION = "1"
_QUANTITIES = ("pm25", "wind_speed", "wind_direction")
_M_PER_DEGREE = 111_320.0
_BESIDE_M, _BESIDE_RATIO = 500.0, 0.5
_CALM_BELOW = 0.6  # of the rise: the whole city's air moves meanwhile
_WIND_SLOTS = 6  # the wind of the last half hour


@dataclass(frozen=True, slots=True)
class Settings:
    """`rise_ug_m3`: how far above its own baseline a hit station is. `min_wind_m_s`: calmer air drifts nowhere in particular."""

    rise_ug_m3: float = between(5, 5_000, default=25.0)
    min_stations: int = between(2, 1_000, default=2)
    clean_share: float = between(0, 1, default=0.4)
    min_wind_m_s: float = between(0, 30, default=0.5)
    longest_h: float = between(0.5, 48, default=6.0)
    priority: Literal["high", "medium", "low"] = "medium"
    lateness_s: float = between(0, 86_400, default=120.0)


@dataclass(slots=True)
class _Station:
    """Past slots by quantity, and the readings of slots that are not over."""

    past: dict[str, SlotMedians] = field(default_factory=lambda: {name: SlotMedians() for name in _QUANTITIES})
    coming: dict[int, dict[str, list[float]]] = field(default_factory=dict)


@dataclass(slots=True)
class _Plume:
    """An open one: the station it is told of at, each hit station's baseline at onset, quiet slots so far, the worst."""

    origin: str
    onset_ms: int
    baselines: dict[str, float]
    calm: int = 0
    worst: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wind:
    """Where it blows to, as a unit vector east and north, and how fast."""

    east: float
    north: float
    speed_m_s: float

    @property
    def from_deg(self) -> float:
        return math.degrees(math.atan2(-self.east, -self.north)) % 360


class Plume:
    """One row of state per station, and one per open plume."""

    name = "plume"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        self.rules: Mapping[str, Rule] = {
            "plume": Rule("plume", rule_version(_CODE_VERSION, asdict(settings)), "pollution", settings.priority, "ug/m3")
        }
        self._places: dict[str, tuple[str, float, float]] = {}
        self._stations: Rows[str, _Station] = Rows()
        self._open: dict[str, _Plume] = {}
        self._slot: int | None = None  # the next one to be judged

    def stand_in(self, city: City) -> None:
        """Learn where stations are: (area, metres east, metres north) of each, in a flat city."""
        for device in city.devices:
            site = city.site_of(device)
            east = site.longitude * _M_PER_DEGREE * math.cos(math.radians(site.latitude))
            self._places[device] = (site.area, east, site.latitude * _M_PER_DEGREE)

    def judge(self, batch: Batch) -> list[Verdict]:
        wanted = {k: name for k, name in enumerate(batch.quantities) if name in _QUANTITIES}
        if wanted:
            slots = (batch.at_ms // SLOT_MS).tolist()
            rows = zip(batch.device_index.tolist(), batch.quantity_index.tolist(), slots, batch.value.tolist(), strict=True)
            for device, quantity, slot, value in rows:
                if quantity in wanted and (self._slot is None or slot >= self._slot):
                    station = self._stations.get(batch.devices[device])
                    if station is None:
                        station = self._stations[batch.devices[device]] = _Station()
                    keep(station.coming.setdefault(slot, {}).setdefault(wanted[quantity], []), value)
        return []

    def tick(self, now_ms: int) -> list[Verdict]:
        over = int(now_ms - self._s.lateness_s * 1000) // SLOT_MS
        waiting = [slot for station in self._stations.values() for slot in station.coming]
        if not waiting and not self._open:
            return []
        first = self._slot if self._slot is not None else min(waiting)
        verdicts: list[Verdict] = []
        for slot in range(max(first, over - 2 * SLOTS), over):
            self._close(slot)
            for area, stations in sorted(self._areas().items()):
                verdicts += self._judge(area, stations, (slot + 1) * SLOT_MS)
        self._slot = max(first, over)
        return verdicts

    def _close(self, slot: int) -> None:
        for station in self._stations.values():
            for old in [s for s in station.coming if s < slot]:
                del station.coming[old]
            readings = station.coming.pop(slot, {})
            for name, past in station.past.items():
                past.close(readings.get(name, []))

    def _areas(self) -> dict[str, list[str]]:
        areas: dict[str, list[str]] = defaultdict(list)
        for name, _ in self._stations.sorted():
            if name in self._places:
                areas[self._places[name][0]].append(name)
        return areas

    def _judge(self, area: str, stations: list[str], end_ms: int) -> Iterator[Verdict]:
        plume = self._open.get(area)
        if plume is not None:
            yield from self._follow(area, plume, stations, end_ms)
            return
        wind = self._wind(stations)
        if wind is None or wind.speed_m_s < self._s.min_wind_m_s:
            return
        baselines = {name: base for name in stations if (base := self._pm25(name).baseline()) is not None and self._pm25(name).recent()}
        hit = [name for name, base in baselines.items() if min(self._pm25(name).recent()) >= base + self._s.rise_ug_m3]
        clean = len(baselines) - len(hit)
        if len(hit) < self._s.min_stations or clean < self._s.clean_share * len(baselines) or not self._in_line(hit, wind):
            return
        origin = min(hit, key=lambda name: self._along(name, wind))
        self._open[area] = plume = _Plume(origin, end_ms - RECENT * SLOT_MS, {name: baselines[name] for name in hit})
        yield self._verdict("onset", plume, wind, end_ms)

    def _follow(self, area: str, plume: _Plume, stations: list[str], end_ms: int) -> Iterator[Verdict]:
        levels = self._levels(plume)
        is_calm = bool(levels) and all(level <= base + _CALM_BELOW * self._s.rise_ug_m3 for level, base in levels)
        plume.calm = plume.calm + 1 if is_calm else 0
        if plume.calm >= RECENT or end_ms - plume.onset_ms >= self._s.longest_h * 3_600_000:
            yield self._verdict("clear", plume, self._wind(stations), end_ms)
            del self._open[area]
        elif levels and max(level for level, _ in levels) > plume.worst * 1.1:
            yield self._verdict("worse", plume, self._wind(stations), end_ms)

    def _levels(self, plume: _Plume) -> list[tuple[float, float]]:
        """(newest median, baseline) of the hit stations that report."""
        newest = {name: self._pm25(name).past[-1] for name in plume.baselines}
        return [(level, plume.baselines[name]) for name, level in newest.items() if level is not None]

    def _pm25(self, name: str) -> SlotMedians:
        return self._stations[name].past["pm25"]

    def _wind(self, stations: list[str]) -> _Wind | None:
        """Mean of unit vectors and median of speeds, of all that measure it, over the last half hour."""
        east = north = 0.0
        speeds: list[float] = []
        for name in stations:
            past = self._stations[name].past
            for direction, speed in list(zip(past["wind_direction"].past, past["wind_speed"].past, strict=True))[-_WIND_SLOTS:]:
                if direction is not None and speed is not None:
                    east -= math.sin(math.radians(direction))
                    north -= math.cos(math.radians(direction))
                    speeds.append(speed)
        length = math.hypot(east, north)
        if not speeds or length < 0.3 * len(speeds):  # from everywhere: no direction
            return None
        return _Wind(east / length, north / length, statistics.median(speeds))

    def _along(self, name: str, wind: _Wind) -> float:
        _, east, north = self._places[name]
        return east * wind.east + north * wind.north

    def _in_line(self, hit: list[str], wind: _Wind) -> bool:
        """Whether the hit stations lie behind the most upwind one, along the wind."""
        origin = min(hit, key=lambda name: self._along(name, wind))
        _, east, north = self._places[origin]
        for name in hit:
            de, dn = self._places[name][1] - east, self._places[name][2] - north
            along, beside = de * wind.east + dn * wind.north, abs(de * wind.north - dn * wind.east)
            if beside > _BESIDE_RATIO * along + _BESIDE_M:
                return False
        return True

    def _verdict(self, kind: Literal["onset", "worse", "clear"], plume: _Plume, wind: _Wind | None, at_ms: int) -> Verdict:
        levels = self._levels(plume)
        level = max((level for level, _ in levels), default=0.0)
        plume.worst = max(plume.worst, level)
        evidence = {"level": round(level, 1), "baseline": round(plume.baselines[plume.origin], 1), "stations": float(len(plume.baselines))}
        if wind is not None:
            evidence |= {"wind_from_deg": round(wind.from_deg), "wind_m_s": round(wind.speed_m_s, 1)}
        blowing = f"; wind from {wind.from_deg:.0f} degrees at {wind.speed_m_s:.1f} m/s" if wind is not None else ""
        threshold = round(plume.baselines[plume.origin] + self._s.rise_ug_m3, 1)
        return Verdict(
            kind, "plume", f"{plume.origin}/plume", plume.origin, at_ms, plume.onset_ms, round(level, 1), threshold, 1.0, evidence,
            "PM2.5 has risen at " + ", ".join(sorted(plume.baselines)) + blowing,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        return {
            "slot": self._slot,
            "stations": [name for name, _ in self._stations.sorted()],
            "past": [Lists.column(s.past[q].kept() for _, s in self._stations.sorted()) for q in _QUANTITIES],
            "coming": Lists.column(_told(s.coming) for _, s in self._stations.sorted()),
            "open": {area: asdict(plume) for area, plume in self._open.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._slot = state["slot"]
        past = dict(zip(_QUANTITIES, map(Lists, state["past"]), strict=True))
        coming = Lists(state["coming"])

        def build(k: int) -> _Station:
            return _Station({q: SlotMedians.of(lists[k]) for q, lists in past.items()}, _of_told(coming.numbers(k)))

        self._stations = Rows(state["stations"], build)
        self._open = {area: _Plume(**row) for area, row in state["open"].items()}


def _told(coming: dict[int, dict[str, list[float]]]) -> list[float]:
    """Readings of slots that are not over as one list: slot, place of the quantity, how many, and they themselves."""
    rows = [(slot, q, values) for slot, row in coming.items() for q, values in row.items()]
    return [number for slot, q, values in rows for number in (slot, _QUANTITIES.index(q), len(values), *values)]


def _of_told(told: list[float]) -> dict[int, dict[str, list[float]]]:
    coming: dict[int, dict[str, list[float]]] = {}
    at = 0
    while at < len(told):
        slot, place, count = map(int, told[at : at + 3])
        coming.setdefault(slot, {})[_QUANTITIES[place]] = told[at + 3 : at + 3 + count]
        at += 3 + count
    return coming


def make(settings: Settings) -> Plume:
    """The detector with its settings."""
    return Plume(settings)
