"""Sick and silent cameras become maintenance, once an episode, and never a traffic alarm."""

from __future__ import annotations

import json

from city_model.events import TrafficSample
from stream_processor.core.detectors import camera_health, congestion
from stream_processor.core.detectors.camera_health import CameraHealth, Settings
from stream_processor.core.detectors.port import Batch, DeviceSamples, Verdict

Told = tuple[str, int, str]


def samples(words: str, directions: tuple[str, ...] = ("in",)) -> list[TrafficSample]:
    """A sample a direction every 10 s; letters are healths."""
    healths = {"o": "ok", "b": "black", "c": "covered"}
    return [
        TrafficSample((i + 1) * 10_000, 10.0, way, 0, 0, 0, 0.0, 0.6, 0.0, speed_kmh=1.0, health=healths[word])
        for i, word in enumerate(words)
        for way in directions
    ]


def told(verdicts: list[Verdict]) -> list[Told]:
    return [(v.kind, v.at_ms // 1000, *v.evidence) for v in verdicts]  # type: ignore[misc]  # because there is one entry


def judge(detector: CameraHealth, row: list[TrafficSample]) -> list[Told]:
    return told(detector.judge(Batch.of_samples([DeviceSamples("cam", row)])))


def test_a_minute_of_illness_opens_and_a_minute_of_health_closes() -> None:
    detector = camera_health.make(Settings())
    assert judge(detector, samples("oo" + "b" * 9 + "o" * 8)) == [("onset", 80, "fault_black"), ("clear", 170, "fault_black")]
    assert detector.rules["camera_health"].alarm_kind == "maintenance"


def test_short_illness_is_nothing() -> None:
    assert judge(camera_health.make(Settings()), samples("oobbbbboobbbbbo")) == []


def test_another_fault_is_told_within_the_episode() -> None:
    assert judge(camera_health.make(Settings()), samples("bbbbbbccoobb")) == [("onset", 60, "fault_black"), ("worse", 70, "fault_covered")]


def test_two_directions_are_one_camera() -> None:
    assert judge(camera_health.make(Settings()), samples("oobbbbbbbb", ("in", "out"))) == [("onset", 80, "fault_black")]


def test_silence_is_told_by_the_ticks_and_ends_with_samples() -> None:
    detector = camera_health.make(Settings())
    assert judge(detector, samples("ooo")) == []
    assert told(detector.tick(329_000)) == []
    assert [(v.kind, v.onset_ms, v.evidence) for v in detector.tick(330_000)] == [("onset", 30_000, {"fault_no_signal": 1.0})]
    assert told(detector.tick(900_000)) == []
    later = [TrafficSample(1_000_000 + i * 10_000, 10.0, "in", 0, 0, 0, 0.0, 0.0, 1.0) for i in range(1, 8)]
    assert judge(detector, later) == [("clear", 1_060, "fault_no_signal")]


def test_batches_and_snapshots_change_nothing() -> None:
    row = samples("obbbbbbbccccccoooooooobbbbbbbbb", ("in", "out"))
    whole = judge(camera_health.make(Settings()), row)
    parts: list[Told] = []
    detector = camera_health.make(Settings())
    for sample in row:
        saved = json.loads(json.dumps(detector.snapshot()))
        detector = camera_health.make(Settings())
        detector.restore(saved)
        parts += judge(detector, [sample])
    assert parts == whole
    assert len(whole) == 4


def test_a_sick_camera_in_a_seeming_jam_is_no_congestion() -> None:
    assert congestion.make(congestion.Settings()).judge(Batch.of_samples([DeviceSamples("cam", samples("c" * 60))])) == []
