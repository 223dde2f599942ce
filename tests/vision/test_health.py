"""A sick camera's word, and a healthy one left alone, on drawn streets."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import msgspec
import numpy as np
import pytest

from simulators.cameras.sick import FAULTS, Grey, Stream, exposure_jumps, fall_ill, shaken
from stream_processor.core.vision.health import Health, HealthWatch

FPS = 10
START_MS = 1_764_000_000_000
SPAN_MS = 5_000
ILL_MS = START_MS + 11_300


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


def street(seconds: float, seed: int = 4) -> Stream:
    """A street of houses with windows, one car driving along it, and sensor noise."""
    rng = np.random.default_rng(seed)
    scene = np.full((240, 320), 120.0)
    for x in range(0, 320, 40):
        scene[20:150, x : x + 36] = rng.uniform(60, 200)
        for y in range(30, 140, 30):
            scene[y : y + 14, x + 6 : x + 16] = rng.uniform(20, 240)
    scene[160:] = 95.0
    scene[195:200, ::2] = 190.0
    scene += cv2.GaussianBlur(rng.normal(0, 20, scene.shape), (0, 0), 1.2)
    for i in range(round(seconds * FPS)):
        picture = scene.copy()
        x = (i * 13) % 400 - 60
        picture[170:190, max(x, 0) : max(x + 50, 0)] = 30.0
        yield START_MS + i * 1000 // FPS, np.clip(picture + rng.normal(0, 2, scene.shape), 0, 255).astype(np.uint8)


def words(watch: HealthWatch, frames: Iterable[tuple[int, Grey]], until_ms: int) -> list[tuple[int, Health]]:
    """(end, health) of every sample."""
    out, end_ms = [], START_MS + SPAN_MS
    for at_ms, frame in frames:
        while at_ms >= end_ms:
            out.append((end_ms, watch.verdict(end_ms, SPAN_MS)))
            end_ms += SPAN_MS
        watch.look(frame, at_ms)
    return [*out, *((at, watch.verdict(at, SPAN_MS)) for at in range(end_ms, until_ms + 1, SPAN_MS))]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_within_ten_seconds_and_nothing_before_it(fault: Health) -> None:
    rng = np.random.default_rng(FAULTS.index(fault))
    said = words(HealthWatch(), fall_ill(street(23), fault, ILL_MS, rng), START_MS + 20_000)
    assert [word for at, word in said if at < ILL_MS] == ["ok", "ok"]
    assert {word for at, word in said if at > ILL_MS} <= {"ok", fault}
    assert next(word for at, word in said if at >= ILL_MS + SPAN_MS) == fault


def test_healthy_cameras_in_changing_light_and_wind_are_left_alone() -> None:
    rng = np.random.default_rng(1)
    for frames in (street(30), exposure_jumps(street(30), 3_000, rng), shaken(street(30), 0.004, rng)):
        assert {word for _, word in words(HealthWatch(), frames, START_MS + 30_000)} == {"ok"}


def test_a_moment_of_darkness_is_no_fault() -> None:
    frames = [(at, np.zeros_like(f) if 12_000 <= at - START_MS < 14_000 else f) for at, f in street(25)]
    assert {word for _, word in words(HealthWatch(), frames, START_MS + 25_000)} == {"ok"}


def test_a_camera_that_is_well_again_is_ok_again() -> None:
    frames = list(street(40))
    ill = [(at, np.asarray(cv2.GaussianBlur(f, (0, 0), 3.0), np.uint8) if 10_000 <= at - START_MS < 22_000 else f) for at, f in frames]
    said = dict(words(HealthWatch(), ill, START_MS + 40_000))
    assert [said[START_MS + s * 1000] for s in (10, 20, 30, 40)] == ["ok", "blurred", "ok", "ok"]


def test_a_moved_camera_stays_moved_until_it_looks_where_it_did() -> None:
    frames = [(at, np.roll(f, 30, axis=1) if 10_000 <= at - START_MS < 60_000 else f) for at, f in street(75)]
    said = dict(words(HealthWatch(), frames, START_MS + 75_000))
    assert [said[START_MS + s * 1000] for s in (10, 15, 30, 60, 70, 75)] == ["ok", "moved", "moved", "moved", "ok", "ok"]


def test_what_a_sick_camera_shows_is_not_worth_looking_at() -> None:
    watch = HealthWatch()
    looked = [watch.look(f, at) for at, f in fall_ill(street(20), "covered", ILL_MS, np.random.default_rng(2))]
    assert all(looked[1:110])
    assert not any(looked[118:])


def test_a_restored_watch_goes_on_exactly() -> None:
    frames = list(fall_ill(street(24), "moved", ILL_MS, np.random.default_rng(3)))
    whole, parts = HealthWatch(), HealthWatch()
    for i, (at_ms, frame) in enumerate(frames):
        if i % 7 == 3:
            saved = msgspec.msgpack.decode(msgspec.msgpack.encode(parts.snapshot()))
            parts = HealthWatch()
            parts.restore(saved)
        assert parts.look(frame, at_ms) == whole.look(frame, at_ms)
        assert parts.verdict(at_ms, SPAN_MS) == whole.verdict(at_ms, SPAN_MS)
    assert parts.snapshot() == whole.snapshot()
