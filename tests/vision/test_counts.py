"""Counting at a line that nothing but its place and the direction of travel is known of: drawn traffic with known truth."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from simulators.cameras.suites.counts import count, judge
from simulators.cameras.truth import read_truth
from stream_processor.core.vision.camera import CameraVision
from stream_processor.core.vision.counting import Crossing, LineCounter
from stream_processor.core.vision.geometry import CameraGeometry, Carriageway
from stream_processor.core.vision.strip import strip_view
from tests.vision import scenes
from tests.vision.scenes import Vehicle

DATA = Path(os.environ.get("SAOLA_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
LINE = (scenes.LEFT, scenes.LINE_Y, scenes.RIGHT, scenes.LINE_Y)
GEOMETRY = CameraGeometry((scenes.WIDTH, scenes.HEIGHT), (Carriageway("down", (), (0.0, 1.0), None, LINE),))
CAR_PX = 1.8 * scenes.PX_PER_M

Picture = NDArray[np.uint8]
Frames = Iterable[tuple[int, Picture]]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


def counter() -> LineCounter:
    strip = strip_view(GEOMETRY, GEOMETRY.carriageways[0], scenes.WIDTH, scenes.HEIGHT)
    assert strip is not None
    return LineCounter(strip)


def traffic(count: int, speed_m_s: float = 11.0, every_s: float = 0.9) -> list[Vehicle]:
    return [Vehicle(1.0 + i * every_s, i % 3, speed_m_s) for i in range(count)]


def counted(frames: Frames) -> list[Crossing]:
    line = counter()
    return [one for at_ms, frame in frames for one in line.look(frame, at_ms)] + line.finish()


def touches_ms(vehicles: list[Vehicle]) -> list[float]:
    return [scenes.START_MS + (v.enters_s + scenes.LINE_Y / scenes.PX_PER_M / v.speed_m_s) * 1000 for v in vehicles]


def test_every_vehicle_is_counted_once_when_it_touches_the_line() -> None:
    vehicles = traffic(16)
    crossings = counted(scenes.frames(vehicles, 18, 20))
    assert len(crossings) == 16
    late_ms = [one.at_ms - true for one, true in zip(sorted(crossings, key=lambda c: c.at_ms), touches_ms(vehicles), strict=True)]
    assert max(map(abs, late_ms)) < 400


def test_the_size_of_a_car_is_learned_from_the_traffic() -> None:
    line = counter()
    guess = line.unit_px
    for at_ms, frame in scenes.frames(traffic(24, every_s=0.7), 20, 20):
        line.look(frame, at_ms)
    assert abs(guess - CAR_PX) > 0.2 * CAR_PX
    assert line.unit_px == pytest.approx(CAR_PX, rel=0.2)


def test_cars_side_by_side_are_two() -> None:
    vehicles = [Vehicle(1.0 + 1.4 * (i // 2), 2 * (i % 2), 11.0) for i in range(16)]
    assert len(counted(scenes.frames(vehicles, 16, 20))) == pytest.approx(16, abs=1)


def test_traffic_against_the_direction_is_not_counted() -> None:
    frames = list(scenes.frames(traffic(12), 14, 20))
    backwards = [(at_ms, frame) for (at_ms, _), (_, frame) in zip(frames, reversed(frames), strict=True)]
    assert counted(backwards) == []


def shaken(frames: Frames, px: float) -> Iterator[tuple[int, Picture]]:
    """Displaced by up to `px` pixels each way, smoothly, like a mast in the wind."""
    for i, (at_ms, frame) in enumerate(frames):
        shift = np.array([[1, 0, px * np.sin(i * 0.9)], [0, 1, px * np.sin(i * 1.3 + 1)]], np.float32)
        moved = cv2.warpAffine(frame, shift, (frame.shape[1], frame.shape[0]), borderMode=cv2.BORDER_REPLICATE)
        yield at_ms, np.asarray(moved, np.uint8)


def brightened(frames: Frames) -> Iterator[tuple[int, Picture]]:
    """Exposure that jumps by a quarter every two seconds."""
    for at_ms, frame in frames:
        factor = 0.8 if (at_ms - scenes.START_MS) // 2_000 % 2 else 1.05
        yield at_ms, np.clip(frame * factor, 0, 255).astype(np.uint8)


def with_surroundings(frames: Frames) -> Iterator[tuple[int, Picture]]:
    """With something on the verge to hold on to."""
    rng = np.random.default_rng(11)
    verge = cv2.GaussianBlur(rng.uniform(0, 255, (scenes.HEIGHT, scenes.WIDTH)), (0, 0), 2.0)
    verge = np.clip((verge - verge.mean()) * 4 + 110, 0, 255).astype(np.uint8)
    for at_ms, frame in frames:
        out = frame.copy()
        out[:, : int(scenes.LEFT) - 4] = verge[:, : int(scenes.LEFT) - 4]
        out[:, int(scenes.RIGHT) + 4 :] = verge[:, int(scenes.RIGHT) + 4 :]
        yield at_ms, out


@pytest.mark.parametrize("px", [1.0, 2.5])
def test_a_shaking_camera_counts_the_same(px: float) -> None:
    vision = CameraVision(GEOMETRY)
    told = 0
    for at_ms, frame in shaken(with_surroundings(scenes.frames(traffic(12), 14, 20)), px):
        vision.feed(frame, at_ms)
        told += len(vision.crossings)
    assert told + len(vision.finish()) == pytest.approx(12, abs=1)


def test_jumps_of_the_exposure_are_no_vehicles() -> None:
    assert len(counted(brightened(scenes.frames(traffic(12), 14, 20)))) == pytest.approx(12, abs=1)
    assert counted(brightened(scenes.frames([], 14, 20))) == []


def test_a_restored_counter_goes_on_bit_for_bit() -> None:
    frames = list(scenes.frames(traffic(20, every_s=0.7), 17, 20))
    whole = counted(frames)
    line, crossings = counter(), []
    for i, (at_ms, frame) in enumerate(frames):
        if i % 23 == 5:
            saved = msgspec.msgpack.decode(msgspec.msgpack.encode(line.snapshot()))
            line = counter()
            line.restore(saved)
        crossings += line.look(frame, at_ms)
    assert crossings + line.finish() == whole
    assert len(whole) == pytest.approx(20, abs=1)


def test_a_recording_that_ends_tells_who_is_on_the_line() -> None:
    line = counter()
    told = [one for at_ms, frame in scenes.frames(traffic(1), 3.0, 20) for one in line.look(frame, at_ms)]
    assert told == []
    assert len(line.finish()) == 1


@pytest.mark.skipif(not (DATA / "cameras" / "ground_truth.json").is_file(), reason=f"no clips in {DATA} (SAOLA_DATA)")
def test_a_real_road_seen_from_above_is_counted_exactly() -> None:
    clip = next(clip for clip in read_truth(DATA / "cameras").clips if clip.size == (640, 360))
    played = count(clip, lines_only=True)
    for told in played.passes:
        score = judge(clip, clip.lines[0], told[clip.lines[0].name])
        assert (score.error, score.matched) == (0, clip.lines[0].count)
