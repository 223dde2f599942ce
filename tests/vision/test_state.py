"""Congestion states of drawn carriageways."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from stream_processor.core.vision.camera import CameraVision
from stream_processor.core.vision.geometry import CameraGeometry
from stream_processor.core.vision.state import RoadState
from tests.vision import scenes
from tests.vision.scenes import Vehicle

LANES = np.repeat(np.arange(3), 20)


def settled(share: float, speeds: list[float], state: RoadState | None = None, from_ms: int = 0) -> str:
    """The state after ten seconds of looks at three lanes with these speeds (m/s)."""
    state = state or RoadState()
    cells = np.repeat(np.array(speeds, np.float32), 20)
    for at_ms in range(from_ms, from_ms + 10_000, 200):
        state.look(share, cells, LANES, at_ms)
    return state.state


@pytest.mark.parametrize(
    ("share", "speeds", "state"),
    [
        (0.3, [16.0, 15.0, 14.0], "free"),
        (0.3, [5.0, 5.0, 6.0], "slow"),
        (0.3, [1.0, 2.0, 5.0], "jam"),
        (0.3, [0.0, 0.0, 0.0], "jam"),
        (0.05, [0.0, 0.0, 0.0], "free"),  # one car parks: no congestion
        (0.3, [1.0, 14.0, 15.0], "free"),  # a queue in one lane of a road that flows
    ],
)
def test_speed_and_coverage_decide(share: float, speeds: list[float], state: str) -> None:
    assert settled(share, speeds) == state


def test_a_state_does_not_flicker_at_its_bound() -> None:
    state = RoadState()
    assert settled(0.4, [2.4, 6.0, 6.0], state) == "jam"
    assert settled(0.4, [3.0, 6.0, 6.0], state, 10_000) == "jam"
    assert settled(0.4, [3.0, 6.0, 6.0]) == "slow"
    assert settled(0.4, [4.0, 6.0, 6.0], state, 20_000) != "free"


def test_after_a_pause_nothing_is_known() -> None:
    state = RoadState()
    assert settled(0.4, [0.0, 0.0, 0.0], state) == "jam"
    assert state.look(0.4, np.zeros(60, np.float32), LANES, 60_000) == "unknown"


def last_state(vehicles: list[Vehicle], seconds: float, geometry: CameraGeometry = scenes.GEOMETRY) -> str:
    vision = CameraVision(geometry)
    told = [sample.state for at_ms, frame in scenes.frames(vehicles, seconds, 5) for sample in vision.feed(frame, at_ms)]
    return str(told[-1])


@pytest.mark.parametrize("with_scale", [True, False])
def test_drawn_traffic_has_the_state_it_was_drawn_with(with_scale: bool) -> None:
    way = scenes.GEOMETRY.carriageways[0]
    bare = CameraGeometry(scenes.GEOMETRY.frame_size, (dataclasses.replace(way, lanes=None),))
    geometry = scenes.GEOMETRY if with_scale else bare
    fast = [Vehicle(-3 + i * 0.9, i % 3, 15.0) for i in range(24)]
    queue = [Vehicle(-60.0, lane, 8.0, stops_m=39.0 - 6.0 * i) for i in range(6) for lane in range(3)]
    assert last_state(fast, 15.5, geometry) == "free"
    assert last_state(queue, 15.5, geometry) == "jam"


def test_the_queue_is_as_long_as_it_was_drawn() -> None:
    queue = [Vehicle(2.0 + i * 0.8, lane, 8.0, stops_m=38.0 - 6.0 * i) for i in range(4) for lane in range(3)]
    vision = CameraVision(scenes.GEOMETRY)
    samples = [sample for at_ms, frame in scenes.frames(queue, 21, 5) for sample in vision.feed(frame, at_ms)]
    assert samples[-1].queue_m == pytest.approx(3 * 6.0 + 4.4, rel=0.15)
