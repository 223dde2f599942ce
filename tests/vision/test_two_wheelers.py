"""Swarms of two-wheelers on a rendered road: occupancy and flow near the truth, the queue's length, and exact snapshots."""

from __future__ import annotations

import math

import cv2
import msgspec
import numpy as np
import pytest

from simulators.cameras.swarm import START_MS, Painter, Swarm, make_queue, make_swarm
from simulators.road.camera import Camera
from stream_processor.core.vision.camera import CameraVision

CAMERA = Camera(480, 270, 10.0, math.radians(28))
SEEN = (11.5, 31.0)
BIKES = (1.0, 0.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


def frames(swarm: Swarm, seconds: float, fps: float) -> list[tuple[int, np.ndarray]]:
    painter = Painter(CAMERA, 3)
    return [(START_MS + round(i * 1000 / fps), painter.paint(swarm.placed(i / fps))) for i in range(round(seconds * fps) + 1)]


def test_flow_and_occupancy_of_a_swarm_are_near_the_truth() -> None:
    swarm = make_swarm(np.random.default_rng(2), BIKES, 9_000, 22, SEEN, 20)
    vision = CameraVision(swarm.geometry(CAMERA))
    samples = [s for at_ms, frame in frames(swarm, 20, 8) for s in vision.feed(frame, at_ms)][1:]
    flow, occupancy = swarm.truth(5, 20)
    assert np.mean([s.area_occupancy for s in samples]) == pytest.approx(occupancy, abs=0.05)
    assert np.mean([s.flow_pcu_h for s in samples]) == pytest.approx(flow, rel=0.2)
    assert all(s.speed_basis == "homography" for s in samples)


def test_a_standing_swarm_is_a_queue_of_its_length() -> None:
    swarm, length_m = make_queue(np.random.default_rng(4), BIKES, SEEN, 25)
    vision = CameraVision(swarm.geometry(CAMERA))
    samples = [s for at_ms, frame in frames(swarm, 25, 5) for s in vision.feed(frame, at_ms)]
    assert samples[-1].queue_m == pytest.approx(length_m, rel=0.2)
    assert samples[-1].flow_pcu_h < 0.1 * max(s.flow_pcu_h for s in samples)


def test_a_restored_camera_says_the_same_of_a_swarm() -> None:
    swarm = make_swarm(np.random.default_rng(5), (0.8, 0.15, 0.05, 0.0), 6_000, 25, SEEN, 11)
    whole, parts = CameraVision(swarm.geometry(CAMERA)), CameraVision(swarm.geometry(CAMERA))
    for i, (at_ms, frame) in enumerate(frames(swarm, 11, 5)):
        if i % 9 == 4:
            saved = msgspec.msgpack.decode(msgspec.msgpack.encode(parts.snapshot()))
            parts = CameraVision(swarm.geometry(CAMERA))
            parts.restore(saved)
        assert parts.feed(frame, at_ms) == whole.feed(frame, at_ms)
