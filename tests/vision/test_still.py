"""What a road looked like before something came to stand on it, and vehicles that stand where no background is known yet."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stream_processor.core.vision.still import UNKNOWN, Stillness
from stream_processor.core.vision.stopped import Change, StopWatch

SHAPE = (40, 24)
EVERY_MS = 400
ROAD, VEHICLE = 100.0, 30.0
Grey = NDArray[np.float32]
Box = tuple[slice, slice]


def road() -> Grey:
    return np.full(SHAPE, ROAD, np.float32)


def with_vehicle(picture: Grey, place: Box, grey: float = VEHICLE) -> Grey:
    """`picture` with a vehicle in `place`: a chequered thing."""
    out = picture.copy()
    rows, columns = np.mgrid[place]
    out[place] = grey + 40.0 * ((rows // 2 + columns // 2) % 2)
    return out


def square(top: int, left: int) -> Box:
    return np.s_[top : top + 8, left : left + 6]


@pytest.mark.parametrize(("passes", "known"), [(3, True), (0, False)])
def test_the_road_is_what_came_back_from_behind_those_who_passed(passes: int, known: bool) -> None:
    still, place = Stillness(SHAPE), square(10, 10)
    for look in range(60):
        passing = look < 30 and look % 10 == 5 and look // 10 < passes
        stands = look >= 40
        still.see(with_vehicle(road(), place) if passing or stands else road(), look * EVERY_MS)
    assert np.all(still.road[place] == (ROAD if known else UNKNOWN))
    assert np.all(still.road[:8] == UNKNOWN)


def watched(stands: list[Box], *, unknown: bool) -> list[Change]:
    """Changes of a road of which the background is, or is not, known, over which traffic drives before and beside those who stand."""
    watch, told = StopWatch(Stillness(SHAPE), 8, (3, 3)), list[Change]()
    lane = np.s_[0:40, 0:24]
    for look in range(75):
        moving = np.zeros(SHAPE, bool)
        picture = road()
        if look < 30 and look % 3 == 0:
            picture, moving[lane] = with_vehicle(picture, lane, 80.0), True
        if look >= 36:
            for place in stands:
                picture = with_vehicle(picture, place)
            moving[36:40, 20:24] = look % 2 == 0
        off = np.abs(picture - ROAD) > 9
        told += watch.look(picture, road(), off & (not unknown), np.full(SHAPE, unknown), moving, look * EVERY_MS)
    return told


@pytest.mark.parametrize("unknown", [False, True])
def test_what_stands_is_told_whether_or_not_the_background_is_known(unknown: bool) -> None:
    (told,) = watched([square(16, 8)], unknown=unknown)
    assert told.begins
    assert told.stop.since_ms == pytest.approx(36 * EVERY_MS, abs=EVERY_MS)
    assert told.at_ms - told.stop.since_ms == pytest.approx(10_000, abs=2 * EVERY_MS)
    assert told.stop.cells[square(16, 8)].mean() > 0.5


def test_three_that_stand_close_together_are_a_queue_and_three_far_apart_are_not() -> None:
    assert watched([square(0, 8), square(12, 8), square(24, 8)], unknown=False) == []
    assert len(watched([square(0, 0), square(16, 18), square(32, 0)], unknown=False)) == 3


def test_a_vehicle_that_stands_is_told_though_another_stops_so_close_that_they_seem_one() -> None:
    watch, told = StopWatch(Stillness(SHAPE), 8, (3, 3)), list[Change]()
    moving = np.zeros(SHAPE, bool)
    for look in range(72):
        moving[:] = look < 30 and look % 3 == 0
        picture = with_vehicle(road(), square(16, 8)) if look >= 36 else road()
        if look >= 48:
            picture = with_vehicle(picture, square(24, 8))
        if look >= 36:
            moving[0:6, 20:24] = look % 2 == 0
        told += watch.look(picture, road(), np.abs(picture - ROAD) > 9, np.zeros(SHAPE, bool), moving, look * EVERY_MS)
    assert [(change.begins, change.stop.since_ms) for change in told] == [(True, 36 * EVERY_MS)]
    assert not told[0].stop.cells[24:32].any()
