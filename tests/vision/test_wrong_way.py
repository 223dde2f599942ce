"""Who may drive which way over a counting line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from city_model.events import CameraEvent
from stream_processor.core.vision.camera import CameraVision
from stream_processor.core.vision.geometry import CameraGeometry, Carriageway
from stream_processor.core.vision.retreat import drove_back
from stream_processor.core.vision.wrong_way import PARTS, WrongWayWatch, shares_its_line
from tests.vision import scenes
from tests.vision.scenes import Vehicle

LINE = (10.0, 100.0, 200.0, 100.0)


def film(seed: int = 1) -> list[NDArray[np.uint8]]:
    """Fourteen vehicles, 24 s at 25 frames a second."""
    return [frame for _, frame in scenes.frames([Vehicle(0.5 + i * 1.5, i % 3, 9.0) for i in range(14)], 24, 25, seed)]


def told(pictures: Iterable[NDArray[np.uint8]]) -> tuple[list[CameraEvent], int]:
    """The wrong-way events, and how many vehicles crossed along the direction."""
    vision = CameraVision(scenes.GEOMETRY)
    found, crossed = [], 0
    for k, picture in enumerate(pictures):
        vision.feed(picture, scenes.START_MS + k * 40)
        found += [event for event in vision.events if event.kind == "wrong_way"]
        crossed += len(vision.crossings)
    return found, crossed


def test_traffic_played_backwards_is_told_vehicle_by_vehicle() -> None:
    found, crossed = told(reversed(film()))
    assert len(found) == pytest.approx(13, abs=1)
    assert crossed <= 1
    assert all(event.direction == "down" and event.confidence >= 0.6 and event.box is not None for event in found)


@pytest.mark.parametrize("seed", [1, 3])
def test_traffic_along_its_direction_is_not(seed: int) -> None:
    found, crossed = told(film(seed))
    assert found == []
    assert crossed == pytest.approx(14, abs=1)


@pytest.mark.parametrize(("place", "learned", "told"), [(0.03, 40, False), (0.5, 40, True), (0.03, 5, True), (0.97, 40, False)])
def test_who_leans_over_the_end_of_a_line_where_nobody_drives_is_of_the_next_road(place: float, learned: int, told: bool) -> None:
    watch = WrongWayWatch(shared=False)
    for i in range(learned):
        watch.forward(0.25 + 0.5 * (i % 10) / 10)
    assert (watch.backward(place, -3.0, 1_000_000) is not None) == told


def strip(rows_s: float, at_s: float) -> NDArray[np.int8]:
    """A strip of 33 x 27 cells that a textured patch of 13 x 9 crosses at `rows_s`."""
    coat = np.random.default_rng(3).integers(-90, 90, (13, 9))
    picture = np.zeros((33 + 60, 27), np.int8)
    top = 40 + round(rows_s * at_s)
    picture[top : top + 13, 9:18] = coat
    return picture[30:63]


def test_a_patch_that_travels_back_all_the_time_drove_back() -> None:
    times_ms = [k * 40 for k in range(25)]
    away = np.stack([strip(-20.0, (at - 480) / 1000) for at in times_ms])
    assert drove_back(away, times_ms, 12, 13.0, -20.0)
    only_before = np.where(np.arange(25)[:, None, None] <= 12, away, 0).astype(np.int8)
    assert not drove_back(only_before, times_ms, 12, 13.0, -20.0)
    trembles = np.stack([strip(-20.0, 0.04 * (k % 2)) for k in range(25)])
    assert not drove_back(trembles, times_ms, 12, 13.0, -20.0)


def test_a_road_driven_the_other_way_for_good_is_learned() -> None:
    watch = WrongWayWatch(shared=True)
    for _ in range(6):
        watch.forward(0.2)
    told = [watch.backward(0.2, -9.0, 5_000) is not None for _ in range(40)]
    assert told[:5] == [True] * 5
    assert not told[-1]


def test_two_directions_on_one_line_are_told_apart_by_their_traffic() -> None:
    watch = WrongWayWatch(shared=True)
    assert watch.backward(0.2, -9.0, 5_000) is None  # nobody knows yet
    for _ in range(6):
        watch.forward(0.2)
        assert watch.backward(0.8, -9.0, 5_000) is None  # the other half belongs to the other direction
    assert watch.backward(0.22, -9.0, 5_000) is not None


def test_a_line_of_its_own_needs_no_learning() -> None:
    watch = WrongWayWatch(shared=False)
    assert watch.backward(0.5, -9.0, 5_000) is not None
    assert watch.backward(0.5, -0.3, 5_000) is None  # rolls back at a light


def test_who_was_seen_to_drive_along_the_direction_is_not_told() -> None:
    watch = WrongWayWatch(shared=False)
    watch.drives(np.arange(PARTS)[:, None] == 8, 4_800)
    assert watch.backward(0.52, -9.0, 5_000) is None
    assert watch.backward(0.1, -9.0, 5_000) is not None
    assert watch.backward(0.52, -9.0, 9_000) is not None


def test_only_opposite_carriageways_in_the_same_place_share_a_line() -> None:
    up, down = Carriageway("up", (), (0, -1), None, LINE), Carriageway("down", (), (0, 1), None, LINE)
    beside = dataclasses.replace(down, line=(230.0, 100.0, 420.0, 100.0))
    assert shares_its_line(CameraGeometry((430, 300), (up, down)), up)
    assert not shares_its_line(CameraGeometry((430, 300), (up, beside)), up)
    assert not shares_its_line(CameraGeometry((430, 300), (up, dataclasses.replace(up, direction="again"))), up)
