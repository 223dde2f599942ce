"""Vehicles that stop on a drawn road, alone and in a queue."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from city_model.events import CameraEvent, TrafficSample
from stream_processor.core.vision.camera import CameraVision
from tests.vision import scenes
from tests.vision.scenes import Vehicle

FPS = 5.0
STOPS_S, LEAVES_S = 16.0, 36.0
Picture = NDArray[np.uint8]


def traffic(until_s: float, lanes: tuple[int, ...] = (0, 1, 2)) -> list[Vehicle]:
    return [Vehicle(0.5 + i * 1.7, lanes[i % len(lanes)], 12.0) for i in range(int(until_s / 1.7))]


def with_a_stop(seconds: float, leaves_s: float = LEAVES_S) -> Iterator[tuple[int, Picture]]:
    """A vehicle in the middle lane comes to stand at 24 m for 20 s while the others drive past it."""
    front = [v for v in traffic(STOPS_S - 3)] + [v for v in traffic(seconds, (0, 2)) if v.enters_s > STOPS_S - 3]
    standing = scenes.frames([*front, Vehicle(STOPS_S - 3.0, 1, 8.0, stops_m=24.0)], seconds, FPS)
    gone = scenes.frames([*front, Vehicle(-99.0, 1, 8.0)], seconds, FPS)
    for one, other in zip(standing, gone, strict=True):
        yield one if one[0] < scenes.START_MS + leaves_s * 1000 else other


def events(frames: Iterator[tuple[int, Picture]], vision: CameraVision | None = None) -> tuple[list[CameraEvent], list[TrafficSample]]:
    vision = vision or CameraVision(scenes.GEOMETRY)
    told: list[CameraEvent] = []
    samples: list[TrafficSample] = []
    for at_ms, frame in frames:
        samples += vision.feed(frame, at_ms)
        told += [event for event in vision.events if event.kind == "stopped_vehicle"]
    return told, samples


def test_a_vehicle_that_stops_is_told_within_three_seconds_of_its_dwell_and_of_its_leaving() -> None:
    (begin, end), samples = events(with_a_stop(44))
    assert (begin.phase, end.phase, begin.id == end.id) == ("begin", "end", True)
    assert STOPS_S + 10 - 0.5 <= (begin.at_ms - scenes.START_MS) / 1000 <= STOPS_S + 13
    assert LEAVES_S <= (end.at_ms - scenes.START_MS) / 1000 <= LEAVES_S + 3
    assert begin.box is not None
    left, top, right, bottom = begin.box
    x, y = (scenes.LEFT + 1.5 * 28) / scenes.WIDTH, (24.0 - 2.2) * scenes.PX_PER_M / scenes.HEIGHT
    assert left < x < right
    assert top < y < bottom
    assert [s.events for s in samples if s.events and any(e.phase == "begin" and e.kind == "stopped_vehicle" for e in s.events)]


def test_an_event_does_not_wait_for_the_end_of_its_sample() -> None:
    told, samples = events(with_a_stop(30))
    carried = next(s for s in samples if s.events and told[0] in s.events)
    assert carried.at_ms - told[0].at_ms <= 1_000
    assert carried.stopped == 1
    assert sum(s.span_s for s in samples) == pytest.approx((samples[-1].at_ms - scenes.START_MS) / 1000)


def test_a_dwell_of_its_own_may_be_chosen() -> None:
    told, _ = events(with_a_stop(30), CameraVision(scenes.GEOMETRY, dwell_s=5.0))
    assert STOPS_S + 4.5 <= (told[0].at_ms - scenes.START_MS) / 1000 <= STOPS_S + 8


def test_a_queue_is_not_a_stopped_vehicle() -> None:
    queue = [Vehicle(8.0 + i * 1.2, lane, 8.0, stops_m=39.0 - 6.0 * i) for i in range(6) for lane in range(3)]
    told, samples = events(scenes.frames([*traffic(5), *queue], 50, FPS))
    assert told == []
    assert isinstance(samples[-1].queue_m, float)
    assert samples[-1].queue_m > 20


def standing_twice(first: bool) -> Iterator[tuple[int, Picture]]:
    """A vehicle stands in the middle lane when the camera starts, until 12 s (if it is the `first`); another from 20 s on."""
    others = traffic(40, (0, 2))
    one, other = Vehicle(-60.0, 1, 8.0, stops_m=24.0), Vehicle(17.0, 1, 8.0, stops_m=24.0)
    nowhere = Vehicle(99.0, 1, 8.0)  # has the coat that the first one has, so that the other has another
    films = (scenes.frames([*others, one], 40, FPS), scenes.frames([*others, nowhere, other], 40, FPS))
    for before, after in zip(*films, strict=True):
        yield before if first and before[0] < scenes.START_MS + 12_000 else after


def test_where_one_stood_when_the_camera_started_and_drove_on_the_next_may_stand_for_a_signal() -> None:
    assert events(standing_twice(first=True))[0] == []
    assert [event.phase for event in events(standing_twice(first=False))[0]] == ["begin"]


def test_a_creeping_vehicle_is_not_a_stopped_vehicle() -> None:
    creeping = Vehicle(5.0, 1, 0.6)
    told, _ = events(scenes.frames([*traffic(50, (0, 2)), creeping], 50, FPS))
    assert told == []


def test_moving_traffic_alone_raises_nothing() -> None:
    told, _ = events(scenes.frames(traffic(40), 40, FPS))
    assert told == []


def test_the_same_events_come_wherever_the_state_was_saved() -> None:
    frames = list(with_a_stop(30))
    whole, _ = events(iter(frames))
    vision, told = CameraVision(scenes.GEOMETRY), []
    for i, frame in enumerate(frames):
        if i % 37 == 5:
            saved = msgspec.msgpack.decode(msgspec.msgpack.encode(vision.snapshot()))
            vision = CameraVision(scenes.GEOMETRY)
            vision.restore(saved)
        told += events(iter([frame]), vision)[0]
    assert told == whole != []
