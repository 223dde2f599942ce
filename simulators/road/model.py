"""One camera's road: every vehicle of both directions, and what a perfect camera would report of them.

    a direction, 6.3 m wide:   median | wide lane: 3 slots, one belt | 3 bike strips: 1 slot, a belt each | kerb

Cars, buses and trucks keep to the wide lane; motorbikes ride there too, beside cars, and in the strips, so two to five go abreast.
Built once from its spec; every question is then a lookup, so answers depend on nothing but the spec and the time asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from city_model.events import TrafficSample
from simulators.road.belt import Belt, make_belt
from simulators.road.flow import demand_veh_h, jam_weight, speed_m_s
from simulators.road.spec import RoadSpec, Traffic
from simulators.road.vehicles import KINDS, MOTORBIKE, PCU, SHARES, SLOT_M

Floats = NDArray[np.float64]

WIDE_SLOTS, STRIPS = 3, 3
WIDTH_M = (WIDE_SLOTS + STRIPS) * SLOT_M
WARM_UP_S = 180.0  # before the origin, so that the road is never empty when somebody first looks
ENTRY_M, SEEN_M = 12.0, 36.0  # vehicles enter out of sight; then 36 m of road are seen
LINE_M = {"away": 22.0, "towards": 38.0}  # the counting line from the entry: the same line on the ground for both
_STRIP_SHARE = 0.75  # of motorbikes, in the strips
_BELT_SPEED = (1.0, 1.07, 1.0, 0.9)  # wide lane, then strips from the median to the kerb
_CLASS_OF = np.array([kind.sample_class for kind in KINDS])
_LENGTH = np.array([kind.length_m for kind in KINDS])
_WIDTH = np.array([kind.width_m for kind in KINDS])

Way = Literal["away", "towards"]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One vehicle's front on the counting line."""

    at_ms: int
    kind: str
    speed_kmh: float


class RoadModel:
    """Both directions of one road."""

    def __init__(self, spec: RoadSpec) -> None:
        self.spec = spec
        ways: tuple[Way, Way] = ("away", "towards")
        self.directions = {
            traffic.id: DirectionModel(spec, traffic, way, number)
            for number, (traffic, way) in enumerate(zip(spec.directions, ways, strict=False))
        }

    def samples(self, direction: str, start_ms: int, stop_ms: int, span_s: float = 5.0) -> list[TrafficSample]:
        """Samples ending at `start_ms + span_s`, … up to and with `stop_ms`."""
        ends = np.arange(start_ms + round(span_s * 1000), stop_ms + 1, round(span_s * 1000))
        return self.directions[direction].samples(ends, span_s)

    def sample(self, direction: str, at_ms: int, span_s: float = 5.0) -> TrafficSample:
        """What happened in the `span_s` seconds up to `at_ms`."""
        return self.directions[direction].samples(np.array([at_ms]), span_s)[0]

    def crossings(self, direction: str, start_ms: int, stop_ms: int) -> list[Crossing]:
        """Who crossed the counting line with start_ms < time <= stop_ms, in order."""
        return self.directions[direction].crossings(start_ms, stop_ms)


class DirectionModel:
    """One direction of travel. Seconds here are Unix seconds less those of the model's origin."""

    def __init__(self, spec: RoadSpec, traffic: Traffic, way: Way, number: int) -> None:
        self.traffic, self.way = traffic, way
        self.origin_ms = spec.origin_ms
        self._grid_s = np.arange(-WARM_UP_S, (spec.end_ms - spec.origin_ms) / 1000 + 1.0)
        unix_s = self._grid_s + spec.origin_ms / 1000
        speed_rng, time_rng, kind_rng, manner_rng = (np.random.default_rng([spec.seed, number, stream]) for stream in range(4))
        demand = demand_veh_h(traffic.curve, traffic.peak_veh_h, unix_s, spec.utc_offset_s)
        load = demand / max(traffic.peak_veh_h, 1.0)
        speed = speed_m_s(speed_rng, traffic.free_kmh, load, traffic.jams, unix_s)
        arrival_s = _arrivals(time_rng, demand, self._grid_s)
        kind = np.searchsorted(np.cumsum(SHARES)[:-1], kind_rng.random(len(arrival_s)), side="right")
        manner = manner_rng.random((len(arrival_s), 2))
        lane = _lane(kind, manner[:, 0])
        freedom = 1 - jam_weight(traffic.jams, unix_s)[0]
        self.belts = tuple(self._belt(b, speed, freedom, arrival_s, kind, manner[:, 1], lane) for b in range(1 + STRIPS))

    def _belt(
        self, b: int, speed: Floats, freedom: Floats, arrival_s: Floats, kind: NDArray[np.int64], draw: Floats, lane: NDArray[np.int64]
    ) -> Belt:
        """In a jam all strips creep alike; on a free road the inner one is faster."""
        mine = lane == b
        own_speed = speed * (1 + (_BELT_SPEED[b] - 1) * freedom)
        return make_belt(self._grid_s, own_speed, arrival_s[mine], kind[mine], draw[mine], WIDE_SLOTS if b == 0 else 1)

    @cached_property
    def _line(self) -> tuple[Floats, NDArray[np.int64], Floats]:
        """Crossings of the counting line in order of time: when, kind, at what speed in m/s."""
        at_s = np.concatenate([belt.passes_s(LINE_M[self.way]) for belt in self.belts])
        kind = np.concatenate([belt.kind for belt in self.belts])
        speed = np.concatenate([np.interp(belt.passes_s(LINE_M[self.way]), belt.time_s, belt.speed_m_s) for belt in self.belts])
        real = at_s < self._grid_s[-1]
        order = np.flatnonzero(real)[np.argsort(at_s[real], kind="stable")]
        return at_s[order], kind[order], speed[order]

    @cached_property
    def _seen(self) -> Floats:
        """Per second of the grid, cumulated: vehicles seen, their speeds' sum, share of the surface covered. Shape (3, n + 1)."""
        rows = np.zeros((3, len(self._grid_s)))
        for belt in self.belts:
            length, width = _LENGTH[belt.kind], _WIDTH[belt.kind]
            tail = np.sort(belt.place_m + length / 2)
            low, high = belt.run_m - ENTRY_M - SEEN_M, belt.run_m - ENTRY_M
            number = np.searchsorted(tail, high) - np.searchsorted(tail, low)
            rows[0] += number
            rows[1] += number * belt.speed_m_s
            covered = _Covered(belt.place_m, length, width)
            rows[2] += (covered.up_to(high) - covered.up_to(low)) / (WIDTH_M * SEEN_M)
        return np.concatenate((np.zeros((3, 1)), np.cumsum(rows, axis=1)), axis=1)

    def samples(self, end_ms: NDArray[np.int64], span_s: float) -> list[TrafficSample]:
        """One sample for each end."""
        end_s = (end_ms - self.origin_ms) / 1000
        counts = self._counts(end_s, span_s)
        last = np.clip(np.floor(end_s - self._grid_s[0]).astype(int), 1, len(self._grid_s) - 1) + 1
        first = np.clip(last - max(1, round(span_s)), 0, last - 1)
        seen, speed_sum, covered = self._seen[:, last] - self._seen[:, first]
        speed_kmh = np.divide(speed_sum, seen, out=np.full_like(seen, np.nan), where=seen > 0) * 3.6
        occupancy = np.clip(covered / (last - first), 0, 1)
        rows = zip(end_ms.tolist(), counts.T.tolist(), speed_kmh.tolist(), occupancy.tolist(), strict=True)
        return [self._sample(at_ms, span_s, numbers, kmh, share) for at_ms, numbers, kmh, share in rows]

    def _sample(self, at_ms: int, span_s: float, numbers: Sequence[int], speed_kmh: float, occupancy: float) -> TrafficSample:
        pcu = sum(n * factor for n, factor in zip(numbers, PCU, strict=True))
        two_wheelers, cars, large = numbers
        empty = speed_kmh != speed_kmh  # nan: nobody was there to have a speed
        return TrafficSample(
            at_ms=at_ms,
            span_s=span_s,
            direction=self.traffic.id,
            two_wheelers=two_wheelers,
            cars=cars,
            large=large,
            flow_pcu_h=round(pcu * 3600 / span_s, 1),
            area_occupancy=round(occupancy, 4),
            confidence=1.0,
            speed_kmh=None if empty else round(speed_kmh, 2),
            speed_basis="none" if empty else "homography",
        )

    @cached_property
    def _line_by_class(self) -> tuple[Floats, Floats, Floats]:
        """Crossing times of two-wheelers, cars and large vehicles."""
        at_s, kind, _ = self._line
        two_wheelers, cars, large = (at_s[_CLASS_OF[kind] == sample_class] for sample_class in range(3))
        return two_wheelers, cars, large

    def _counts(self, end_s: Floats, span_s: float) -> NDArray[np.int64]:
        """Crossings per sample class, shape (3, n)."""
        return np.array(
            [np.searchsorted(own, end_s, side="right") - np.searchsorted(own, end_s - span_s, side="right") for own in self._line_by_class]
        )

    def crossings(self, start_ms: int, stop_ms: int) -> list[Crossing]:
        """Who crossed the line with start_ms < time <= stop_ms, in order."""
        at_s, kind, speed = self._line
        low, high = np.searchsorted(at_s, [(start_ms - self.origin_ms) / 1000, (stop_ms - self.origin_ms) / 1000], side="right")
        rows = zip(at_s[low:high].tolist(), kind[low:high].tolist(), speed[low:high].tolist(), strict=True)
        return [Crossing(self.origin_ms + round(t * 1000), KINDS[k].name, round(v * 3.6, 2)) for t, k, v in rows]


class _Covered:
    """Square metres of belt covered by vehicles from its beginning up to a place: piecewise linear between vehicle ends."""

    def __init__(self, place_m: Floats, length_m: Floats, width_m: Floats) -> None:
        ends = np.concatenate((place_m, place_m + length_m, [-1e9]))
        slope = np.concatenate((width_m, -width_m, [0.0]))
        order = np.argsort(ends, kind="stable")
        self._at = ends[order]
        self._area = np.concatenate(([0.0], np.cumsum(np.cumsum(slope[order])[:-1] * np.diff(self._at))))

    def up_to(self, place_m: Floats) -> Floats:
        area: Floats = np.interp(place_m, self._at, self._area)
        return area


def _arrivals(rng: np.random.Generator, demand_veh_h: Floats, grid_s: Floats) -> Floats:
    """A Poisson process of changing rate: unit-rate arrivals, put through the inverse of the expected number so far."""
    expected = np.concatenate(([0.0], np.cumsum((demand_veh_h[1:] + demand_veh_h[:-1]) / 7200 * np.diff(grid_s))))
    marks = np.cumsum(-np.log1p(-rng.random(int(expected[-1] + 6 * np.sqrt(expected[-1]) + 10))))
    arrival_s: Floats = np.interp(marks[marks < expected[-1]], expected, grid_s)
    return arrival_s


def _lane(kind: NDArray[np.int64], draw: Floats) -> NDArray[np.int64]:
    """Belt of each vehicle: 0 the wide lane, 1.. the strips."""
    strip = 1 + np.minimum((draw / _STRIP_SHARE * STRIPS).astype(np.int64), STRIPS - 1)
    return np.where((kind == MOTORBIKE) & (draw < _STRIP_SHARE), strip, 0)
