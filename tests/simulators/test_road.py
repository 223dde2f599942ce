"""The road: the same for everybody who asks, no vehicle inside another, plausible figures on a free and on a jammed road."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.road.draw import frame_times, positions
from simulators.road.flow import Jam
from simulators.road.model import ENTRY_M, LINE_M, SEEN_M, WIDE_SLOTS, RoadModel
from simulators.road.spec import RoadSpec, Traffic
from simulators.road.vehicles import KINDS, PCU

ORIGIN_MS = 1_773_129_600_000  # 2026-03-10 15:00 in Vietnam
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
JAM = Jam(ORIGIN_MS + 20 * MINUTE_MS, ORIGIN_MS + 40 * MINUTE_MS, 5.0)


def road(hours: float = 1.0, seed: int = 5) -> RoadModel:
    directions = (Traffic("north", 6500, "even", jams=(JAM,)), Traffic("south", 4000, "even"))
    return RoadModel(RoadSpec(seed, ORIGIN_MS, ORIGIN_MS + round(hours * HOUR_MS), directions))


@pytest.fixture(scope="module")
def jammed() -> RoadModel:
    return road()


def test_a_seed_gives_one_road_and_another_seed_another(jammed: RoadModel) -> None:
    span = (ORIGIN_MS, ORIGIN_MS + 10 * MINUTE_MS)
    assert road().samples("north", *span) == jammed.samples("north", *span)
    assert road(seed=6).samples("north", *span) != jammed.samples("north", *span)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 119), max_size=6, unique=True))
def test_samples_do_not_depend_on_who_asks_for_which_span(cuts: list[int]) -> None:
    whole = _SHARED.samples("north", ORIGIN_MS, ORIGIN_MS + 120 * 5000)
    edges = [0, *sorted(cuts), 120]
    pieces = [_SHARED.samples("north", ORIGIN_MS + a * 5000, ORIGIN_MS + b * 5000) for a, b in pairwise(edges)]
    assert [s for piece in pieces for s in piece] == whole
    assert _SHARED.sample("north", whole[edges[-2]].at_ms) == whole[edges[-2]]


_SHARED = road(0.5)


def test_a_longer_story_does_not_change_its_beginning(jammed: RoadModel) -> None:
    span = (ORIGIN_MS, ORIGIN_MS + 25 * MINUTE_MS)
    assert _SHARED.samples("north", *span) == jammed.samples("north", *span)
    assert _SHARED.crossings("south", *span) == jammed.crossings("south", *span)


def test_a_free_road_is_fast_and_thin_and_a_jam_slow_and_thick(jammed: RoadModel) -> None:
    free = jammed.sample("north", ORIGIN_MS + 15 * MINUTE_MS, 300)
    jam = jammed.sample("north", ORIGIN_MS + 38 * MINUTE_MS, 600)
    other = jammed.sample("south", ORIGIN_MS + 38 * MINUTE_MS, 600)
    assert free.speed_kmh is not None
    assert 24 < free.speed_kmh < 36
    assert 0.05 < free.area_occupancy < 0.2
    assert jam.speed_kmh is not None
    assert 4 < jam.speed_kmh < 8
    assert jam.area_occupancy > 0.45
    assert other.speed_kmh is not None
    assert other.speed_kmh > 24


def test_area_occupancy_in_a_jam_rises_above_one_half(jammed: RoadModel) -> None:
    jam = jammed.samples("north", ORIGIN_MS + 24 * MINUTE_MS, ORIGIN_MS + 40 * MINUTE_MS, 60)
    assert max(s.area_occupancy for s in jam) > 0.5
    assert min(s.area_occupancy for s in jam) > 0.4


def test_as_many_pass_as_want_to_and_nine_in_ten_are_two_wheelers(jammed: RoadModel) -> None:
    hour = jammed.sample("south", ORIGIN_MS + HOUR_MS - 5000, 3300)
    vehicles = hour.two_wheelers + hour.cars + hour.large
    assert vehicles == pytest.approx(4000 * 3300 / 3600, rel=0.06)
    assert 0.82 < hour.two_wheelers / vehicles < 0.88
    pcu = hour.two_wheelers * PCU[0] + hour.cars * PCU[1] + hour.large * PCU[2]
    assert hour.flow_pcu_h == pytest.approx(pcu * 3600 / 3300, abs=0.06)


def test_counts_of_samples_are_the_crossings_between_them(jammed: RoadModel) -> None:
    for sample in jammed.samples("north", ORIGIN_MS + 18 * MINUTE_MS, ORIGIN_MS + 24 * MINUTE_MS, 7):
        kinds = [c.kind for c in jammed.crossings("north", sample.at_ms - 7000, sample.at_ms)]
        large = kinds.count("bus") + kinds.count("truck")
        assert (kinds.count("motorbike"), kinds.count("car"), large) == (sample.two_wheelers, sample.cars, sample.large)


def test_a_road_without_traffic_has_no_speed() -> None:
    empty = RoadModel(RoadSpec(1, ORIGIN_MS, ORIGIN_MS + HOUR_MS, (Traffic("north", 0),)))
    sample = empty.sample("north", ORIGIN_MS + MINUTE_MS)
    assert (sample.speed_kmh, sample.speed_basis, sample.area_occupancy, sample.two_wheelers) == (None, "none", 0.0, 0)


@pytest.mark.parametrize("minute", [5, 21, 30, 41])
def test_no_vehicle_stands_inside_another(jammed: RoadModel, minute: int) -> None:
    for direction in jammed.directions.values():
        times = np.array([ORIGIN_MS + minute * MINUTE_MS])
        x, y, kind, _ = (np.asarray(column) for column in positions(direction, times))
        length = np.array([KINDS[k].length_m for k in kind])
        width = np.array([KINDS[k].width_m for k in kind])
        beside = np.abs(x[0][:, None] - x[0][None, :]) < (width[:, None] + width[None, :]) / 2 - 1e-9
        behind = np.abs(y[0][:, None] - y[0][None, :]) < (length[:, None] + length[None, :]) / 2 - 1e-9
        assert np.array_equal(beside & behind, np.eye(len(kind), dtype=bool))


def test_motorbikes_ride_two_to_five_abreast_in_a_jam(jammed: RoadModel) -> None:
    times = ORIGIN_MS + 30 * MINUTE_MS + np.arange(0, 60_000, 1000)
    _, y, kind, _ = positions(jammed.directions["north"], times)
    abreast = [(np.abs(row[kind == 0] - 30.0) < 1.0).sum() for row in y]
    assert 2 <= np.mean(abreast) <= 5
    assert max(abreast) >= 4


def test_occupancy_is_the_surface_under_the_vehicles(jammed: RoadModel) -> None:
    at_ms = ORIGIN_MS + 30 * MINUTE_MS
    direction = jammed.directions["north"]
    area = 0.0
    for belt in direction.belts:
        front = belt.ran_m(np.array([(at_ms - direction.origin_ms) / 1000])) - belt.place_m
        for nose, k in zip(front.tolist(), belt.kind.tolist(), strict=True):
            inside = min(nose, ENTRY_M + SEEN_M) - max(nose - KINDS[k].length_m, ENTRY_M)
            area += max(0.0, inside) * KINDS[k].width_m
    assert jammed.sample("north", at_ms, 1).area_occupancy == pytest.approx(area / (SEEN_M * 2 * WIDE_SLOTS * 1.05), abs=1e-4)


def test_drawn_vehicles_cross_the_line_when_the_model_says_so(jammed: RoadModel) -> None:
    """Positions as the drawing has them, frame by frame, against the model's crossings."""
    start_ms, stop_ms = ORIGIN_MS + 19 * MINUTE_MS, ORIGIN_MS + 23 * MINUTE_MS
    spec = RoadSpec(5, ORIGIN_MS, ORIGIN_MS + HOUR_MS, jammed.spec.directions, start_ms=start_ms, stop_ms=stop_ms + 1)
    times = frame_times(spec)
    for name, direction in jammed.directions.items():
        drawn = 0
        for begin in range(0, len(times) - 1, 24):
            _, y, kind, _ = positions(direction, times[begin : begin + 25])
            length = np.array([KINDS[k].length_m for k in kind])
            front = y - 2.0 + length / 2 if direction.way == "away" else 62.0 - y + length / 2
            past = front >= LINE_M[direction.way]
            drawn += int((past[1:] & ~past[:-1]).sum())
        assert drawn == len(jammed.crossings(name, start_ms, stop_ms))
