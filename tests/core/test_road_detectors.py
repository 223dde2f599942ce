"""Congestion and stopped vehicles as judged from samples: what wavers, and what a jam explains."""

from __future__ import annotations

import msgspec

from city_model.events import CameraEvent, TrafficSample
from stream_processor.core.detectors import congestion, stopped_vehicle
from stream_processor.core.detectors.port import Batch, DeviceSamples, Verdict

STEP_MS = 5_000


def sample(k: int, speed_kmh: float, occupancy: float, state: str = "slow") -> TrafficSample:
    plain = TrafficSample(k * STEP_MS, 5.0, "north", 9, 2, 0, 1200.0, occupancy, 0.9, speed_kmh=speed_kmh)
    return msgspec.structs.replace(plain, state=state)


def congested(*samples: TrafficSample) -> list[str]:
    detector = congestion.make(congestion.Settings())
    return [v.kind for v in detector.judge(Batch.of_samples([DeviceSamples("cam-1", samples)]))]


def test_a_share_that_wavers_around_the_threshold_is_one_jam() -> None:
    wavering = [sample(k, 5.0, 0.37 if k % 3 else 0.31) for k in range(1, 40)]
    assert congested(*wavering) == ["onset"]


def test_a_share_that_never_rose_above_it_is_none_unless_the_camera_calls_it_a_jam() -> None:
    assert congested(*(sample(k, 5.0, 0.31) for k in range(1, 40))) == []
    assert congested(*(sample(k, 5.0, 0.31, "jam") for k in range(1, 40))) == ["onset"]
    assert congested(*(sample(k, 5.0, 0.37 if k % 3 else 0.2) for k in range(1, 40))) == []


def stopped(*states: str) -> list[Verdict]:
    event = CameraEvent("stopped_vehicle", "begin", 1, STEP_MS, STEP_MS - 11_000, 0.9, "north", dwell_s=11.0)
    samples = [msgspec.structs.replace(sample(k, 5.0, 0.3, state), stopped=1) for k, state in enumerate(states, 1)]
    samples[0] = msgspec.structs.replace(samples[0], events=(event,))
    detector = stopped_vehicle.make(stopped_vehicle.Settings())
    return detector.judge(Batch.of_samples([DeviceSamples("cam-1", samples)]))


def test_who_stands_in_a_jam_is_no_alarm_until_the_jam_is_over() -> None:
    assert [v.at_ms for v in stopped("free", "free")] == [STEP_MS]
    assert stopped("jam", "jam", "jam") == []
    assert [v.at_ms for v in stopped("jam", "jam", "free")] == [3 * STEP_MS]
