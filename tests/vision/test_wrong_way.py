"""Who may drive which way over a counting line."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from city_model.events import CameraEvent
from stream_processor.core.vision.camera import CameraVision
from stream_processor.core.vision.geometry import CameraGeometry, Carriageway
from stream_processor.core.vision.wrong_way import PARTS, WrongWayWatch, shares_its_line
from tests.vision import scenes
from tests.vision.scenes import Vehicle

LINE = (10.0, 100.0, 200.0, 100.0)


def told_backwards(geometry: CameraGeometry) -> list[CameraEvent]:
    vision = CameraVision(geometry)
    pictures = [frame for _, frame in scenes.frames([Vehicle(0.5 + i * 1.5, i % 3, 9.0) for i in range(14)], 24, 25)]
    found = []
    for k, picture in enumerate(reversed(pictures)):
        vision.feed(picture, scenes.START_MS + k * 40)
        found += [event for event in vision.events if event.kind == "wrong_way"]
    return found


def test_traffic_played_backwards_is_told_vehicle_by_vehicle() -> None:
    found = told_backwards(scenes.GEOMETRY)
    assert len(found) == pytest.approx(13, abs=2)
    assert all(event.direction == "down" and event.confidence >= 0.6 and event.box is not None for event in found)


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
