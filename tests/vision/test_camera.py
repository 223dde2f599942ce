"""What one camera says of drawn roads whose truth is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from city_model.events import TrafficSample
from city_model.faults import Rejected
from stream_processor.core.vision.camera import CameraGeometry, CameraVision
from tests.vision import scenes
from tests.vision.scenes import Vehicle

Picture = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


def watch(vision: CameraVision, frames: Iterable[tuple[int, Picture]]) -> list[TrafficSample]:
    return [sample for at_ms, frame in frames for sample in vision.feed(frame, at_ms)]


def stream_of(speed_m_s: float, count: int, every_s: float) -> list[Vehicle]:
    return [Vehicle(2.5 + i * every_s, i % 3, speed_m_s) for i in range(count)]


@pytest.mark.parametrize(("fps", "speed_m_s"), [(25, 14.0), (10, 11.0), (5, 9.0)])
def test_vehicles_are_counted_once_each(fps: float, speed_m_s: float) -> None:
    vehicles = stream_of(speed_m_s, 12, 1.1)
    samples = watch(CameraVision(scenes.GEOMETRY), scenes.frames(vehicles, 26, fps))
    assert sum(s.cars + s.two_wheelers + s.large for s in samples) == pytest.approx(12, abs=1)
    assert sum(s.cars for s in samples) >= 10


@pytest.mark.parametrize("speed_m_s", [1.5, 5.0, 12.0, 25.0])
def test_speed_is_within_a_tenth_on_a_known_homography(speed_m_s: float) -> None:
    vehicles = stream_of(speed_m_s, 12, max(1.2, 8 / speed_m_s))
    samples = watch(CameraVision(scenes.GEOMETRY), scenes.frames(vehicles, 20, 10))
    speeds = [s.speed_kmh for s in samples if s.speed_kmh is not None]
    assert all(s.speed_basis == "homography" for s in samples)
    assert np.mean(speeds) == pytest.approx(speed_m_s * 3.6, rel=0.1)


def test_area_occupancy_is_within_a_twentieth() -> None:
    vehicles = [Vehicle(3 + i * 0.9, lane, 8.0) for i in range(14) for lane in range(3)]
    samples = watch(CameraVision(scenes.GEOMETRY), scenes.frames(vehicles, 21, 10))
    for sample in samples[2:]:
        end_s = (sample.at_ms - scenes.START_MS) / 1000
        true = np.mean([scenes.true_occupancy(vehicles, t) for t in np.arange(end_s - 5, end_s, 0.2)])
        assert sample.area_occupancy == pytest.approx(true, abs=0.05)


def test_an_empty_road_has_no_speed_and_no_occupancy() -> None:
    samples = watch(CameraVision(scenes.GEOMETRY), scenes.frames([], 15, 5))
    assert [(s.speed_kmh, s.speed_px_s, s.health) for s in samples] == [(None, None, "ok")] * len(samples)
    assert all(s.area_occupancy < 0.01 for s in samples)


def queue(first_s: float = 4.0) -> list[Vehicle]:
    """Three lanes fill up from the bottom and stand."""
    return [Vehicle(first_s + i * 1.2, lane, 8.0, stops_m=39.0 - 6.0 * i) for i in range(6) for lane in range(3)]


def test_a_standing_queue_stays_a_queue_for_five_minutes() -> None:
    vehicles = queue()
    samples = watch(CameraVision(scenes.GEOMETRY), scenes.frames(vehicles, 320, 2))
    standing = [s for s in samples if s.at_ms > scenes.START_MS + 20_000]
    true = scenes.true_occupancy(vehicles, 300)
    seen = [s.area_occupancy for s in standing]
    assert max(seen) - min(seen) < 0.01  # it does not fade into the background
    assert true - 0.02 < seen[-1] < true + 0.15  # the gaps inside a queue count as covered
    assert all(s.speed_kmh is not None and s.speed_kmh < 1.0 for s in standing)


def test_a_queue_that_stood_there_from_the_start_is_seen() -> None:
    samples = watch(CameraVision(scenes.GEOMETRY), scenes.frames(queue(-60.0), 61, 2))
    assert all(s.area_occupancy > 0.2 and s.speed_kmh is not None and s.speed_kmh < 1.0 for s in samples[1:])


def test_without_geometry_speed_is_in_pixels_and_says_so() -> None:
    vehicles = stream_of(8.0, 12, 1.1)
    samples = watch(CameraVision(CameraGeometry()), scenes.frames(vehicles, 16, 10))
    moving = [s for s in samples[1:] if s.speed_px_s is not None]
    assert moving
    assert all(s.speed_kmh is None and s.speed_basis == "none" and s.direction == "all" for s in samples)
    assert np.median([s.speed_px_s or 0.0 for s in moving]) == pytest.approx(8.0 * scenes.PX_PER_M, rel=0.4)


def test_samples_end_at_multiples_of_the_span_one_for_each_carriageway() -> None:
    way = scenes.GEOMETRY.carriageways[0]
    two = dataclasses.replace(scenes.GEOMETRY, carriageways=(way, dataclasses.replace(way, direction="again")))
    samples = watch(CameraVision(two, 5.0), ((at + 1_300, f) for at, f in scenes.frames([], 12, 5)))
    assert [(s.at_ms - scenes.START_MS, s.direction) for s in samples] == [
        (5_000, "down"), (5_000, "again"), (10_000, "down"), (10_000, "again"),
    ]  # fmt: skip
    assert [s.span_s for s in samples] == [3.7, 3.7, 5.0, 5.0]


def test_the_same_frames_give_the_same_samples_wherever_the_state_was_saved() -> None:
    frames = list(scenes.frames(stream_of(10.0, 10, 1.1), 14, 10))
    whole = watch(CameraVision(scenes.GEOMETRY), frames)
    assert whole == watch(CameraVision(scenes.GEOMETRY), frames)
    vision, samples = CameraVision(scenes.GEOMETRY), []
    for i, (at_ms, frame) in enumerate(frames):
        if i % 17 == 3:
            saved = msgspec.msgpack.decode(msgspec.msgpack.encode(vision.snapshot()))
            vision = CameraVision(scenes.GEOMETRY)
            vision.restore(saved)
        samples += vision.feed(frame, at_ms)
    assert samples == whole


def test_a_snapshot_of_another_version_is_rejected() -> None:
    with pytest.raises(Rejected, match="snapshot_version"):
        CameraVision(scenes.GEOMETRY).restore({"version": 0})


def still(picture: Picture, seconds: float, fps: float, from_ms: int) -> list[tuple[int, Picture]]:
    return [(from_ms + round(i * 1000 / fps), picture) for i in range(round(seconds * fps))]


@pytest.mark.parametrize(("fault", "word"), [("frozen", "frozen"), ("black", "black"), ("white", "over_exposed"), ("blurred", "blurred")])
def test_a_sick_camera_is_no_data(fault: str, word: str) -> None:
    frames = list(scenes.frames(stream_of(10.0, 10, 1.2), 30, 5))
    good, rest = frames[:75], frames[75:]
    noise = np.random.default_rng(3)
    sick: dict[str, list[tuple[int, Picture]]] = {
        "frozen": [(at, good[-1][1]) for at, _ in rest],
        "black": [(at, noise.integers(0, 9, f.shape, dtype=np.uint8)) for at, f in rest],
        "white": [(at, noise.integers(247, 256, f.shape, dtype=np.uint8)) for at, f in rest],
        "blurred": [(at, np.asarray(cv2.GaussianBlur(f, (0, 0), 4.0), np.uint8)) for at, f in rest],
    }
    samples = watch(CameraVision(scenes.GEOMETRY), [*good, *sick[fault]])
    assert all(s.health == "ok" for s in samples if s.at_ms <= good[-1][0])
    last = samples[-1]
    assert (last.health, last.confidence, last.speed_kmh) == (word, 0.0, None)
    assert [s.health for s in samples if s.at_ms > good[-1][0] + 10_000] == [word] * sum(s.at_ms > good[-1][0] + 10_000 for s in samples)


def test_a_camera_that_drops_most_frames_is_low_rate() -> None:
    frames = list(scenes.frames([], 40, 10))
    samples = watch(CameraVision(scenes.GEOMETRY), [*frames[:200], *frames[200::8]])
    assert samples[2].health == "ok"
    assert samples[-1].health == "low_rate"


def test_another_resolution_begins_afresh_and_goes_on() -> None:
    vehicles = stream_of(10.0, 20, 1.1)
    frames = [
        (at, f if at < scenes.START_MS + 12_000 else np.asarray(cv2.resize(f, (scenes.WIDTH * 2, scenes.HEIGHT * 2)), np.uint8))
        for at, f in scenes.frames(vehicles, 26, 10)
    ]
    samples = watch(CameraVision(scenes.GEOMETRY), frames)
    assert [s.at_ms - scenes.START_MS for s in samples] == [5_000, 10_000, 15_000, 20_000, 25_000]
    assert samples[-1].speed_kmh == pytest.approx(36.0, rel=0.1)


def test_colour_frames_are_analysed_like_grey_ones() -> None:
    frames = list(scenes.frames(stream_of(10.0, 4, 1.1), 8, 10))
    colour = [(at, np.asarray(cv2.cvtColor(f, cv2.COLOR_GRAY2BGR), np.uint8)) for at, f in frames]
    assert watch(CameraVision(scenes.GEOMETRY), colour) == watch(CameraVision(scenes.GEOMETRY), frames)


@pytest.mark.parametrize("shape", [(0, 0), (20, 200), (50, 50, 4), (50,)])
def test_what_is_no_picture_is_rejected(shape: tuple[int, ...]) -> None:
    with pytest.raises(Rejected, match="bad_frame"):
        CameraVision(CameraGeometry()).feed(np.zeros(shape, np.uint8), 1)


def test_old_frames_are_ignored() -> None:
    frames = list(scenes.frames(stream_of(10.0, 4, 1.1), 11, 5))
    again = [row for i, frame in enumerate(frames) for row in (frame, frames[i // 2])]
    assert watch(CameraVision(scenes.GEOMETRY), again) == watch(CameraVision(scenes.GEOMETRY), frames)


def test_masks_are_black_and_nothing_else_changes() -> None:
    geometry = dataclasses.replace(scenes.GEOMETRY, masks=(((10, 10), (40, 10), (40, 30), (10, 30)),))
    _, frame = next(iter(scenes.frames([], 1, 5)))
    masked = CameraVision(geometry).masked(frame)
    assert not masked[10:31, 10:41].any()
    masked[10:31, 10:41] = frame[10:31, 10:41]
    assert np.array_equal(masked, frame)
    assert CameraVision(scenes.GEOMETRY).masked(frame) is frame


def test_what_a_mask_hides_changes_no_sample() -> None:
    """The pole measures the whole picture, the centre the masked one: both must say the same."""
    mask = ((LEFT := scenes.LEFT, 220.0), (scenes.RIGHT, 220.0), (scenes.RIGHT, 319.0), (LEFT, 319.0))
    geometry = dataclasses.replace(scenes.GEOMETRY, masks=(mask,))
    frames = list(scenes.frames(stream_of(10.0, 10, 1.1), 14, 10))
    vision = CameraVision(geometry)
    masked = watch(CameraVision(geometry), [(at, vision.masked(f)) for at, f in frames])
    plain = watch(vision, frames)
    assert [s.area_occupancy for s in masked] == pytest.approx([s.area_occupancy for s in plain], abs=0.02)
    # the first sample is made while each still learns its background, so it is left out
    assert [s.speed_kmh or 0.0 for s in masked[1:]] == pytest.approx([s.speed_kmh or 0.0 for s in plain[1:]], abs=1.5)
