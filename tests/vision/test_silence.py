"""A camera whose frames stop coming, and what faults of the camera are told as events."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from city_model.events import CameraEvent, TrafficSample
from stream_processor.core.vision.camera import CameraVision
from tests.vision import scenes
from tests.vision.scenes import Vehicle

FPS = 5.0
Picture = NDArray[np.uint8]


def road(seconds: float) -> Iterator[tuple[int, Picture]]:
    return scenes.frames([Vehicle(0.5 + i * 1.7, i % 3, 12.0) for i in range(20)], seconds, FPS)


def second(sample: TrafficSample) -> float:
    return (sample.at_ms - scenes.START_MS) / 1000


def watched(vision: CameraVision, frames: Iterator[tuple[int, Picture]]) -> list[TrafficSample]:
    return [sample for at_ms, picture in frames for sample in vision.feed(picture, at_ms)]


def faults(samples: list[TrafficSample]) -> list[CameraEvent]:
    return [event for sample in samples for event in sample.events or () if event.kind == "health"]


def test_a_camera_without_frames_says_no_signal_and_when_it_is_back() -> None:
    vision = CameraVision(scenes.GEOMETRY)
    samples = watched(vision, road(12.1))
    for at_s in range(13, 31):
        samples += vision.idle(scenes.START_MS + at_s * 1000)
    samples += watched(vision, ((at_ms + 31_000, picture) for at_ms, picture in road(10.1)))
    assert [(second(s), s.health) for s in samples[:7]] == [
        (5, "ok"), (10, "ok"), (15, "no_signal"), (20, "no_signal"), (25, "no_signal"), (30, "no_signal"), (35, "ok"),
    ]  # fmt: skip
    begin, end = faults(samples)
    assert (begin.phase, begin.value, begin.direction, begin.began_ms) == ("begin", "no_signal", "", scenes.START_MS + 11_800)
    assert (end.phase, end.value, end.id) == ("end", "no_signal", begin.id)
    assert all(s.confidence == 0 and s.state == "unknown" for s in samples if s.health == "no_signal")


def test_of_a_long_silence_only_its_newest_span_is_told() -> None:
    vision = CameraVision(scenes.GEOMETRY)
    watched(vision, road(8.1))
    samples = vision.idle(scenes.START_MS + 3_600_000)
    assert [(second(s), s.health) for s in samples] == [(10, "ok"), (3_600, "no_signal")]
    assert vision.idle(scenes.START_MS + 3_601_000) == []


def test_whoever_asks_too_early_changes_nothing() -> None:
    asked, alone = CameraVision(scenes.GEOMETRY), CameraVision(scenes.GEOMETRY)
    assert asked.idle(scenes.START_MS) == []
    for at_ms, picture in road(11.1):
        assert asked.feed(picture, at_ms) == alone.feed(picture, at_ms)
        assert asked.idle(at_ms + 100) == []


def test_a_fault_is_an_event_wherever_the_state_was_saved() -> None:
    vision = CameraVision(scenes.GEOMETRY)
    samples = []
    for at_ms, picture in road(41):
        after_s = (at_ms - scenes.START_MS) / 1000
        black = np.zeros_like(picture) if 10 <= after_s < 22 else picture
        samples += vision.feed(black, at_ms)
        if round(after_s * FPS) % 16 == 7:
            saved = msgspec.msgpack.decode(msgspec.msgpack.encode(vision.snapshot()))
            vision = CameraVision(scenes.GEOMETRY)
            vision.restore(saved)
    told = faults(samples)
    assert [event.phase for event in told] == ["begin", "end"]
    assert told[0].value == told[1].value
    assert told[0].id == told[1].id
