"""The core's detectors, fed with the models' output, open and clear when the plain rules do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.stage import air_model, road_model
from simulators.story import MINUTE_MS, Story, load_story, story_names
from stream_processor.core.detectors import congestion, pollution
from stream_processor.core.detectors.port import Batch, DeviceSamples, Verdict
from tests.simulators.plain_rules import alarms

NOTHING = Batch.of_readings("", "", np.zeros(0, np.int64), np.zeros(0))


@pytest.mark.parametrize("name", story_names())
def test_the_detectors_of_the_core_find_the_promised_alarms(name: str) -> None:
    story = load_story(name)
    verdicts = [*_air(story), *_roads(story)]
    turns: dict[tuple[str, str, str], float] = {
        (v.kind, v.rule, v.subject): (v.at_ms - story.live_ms) / MINUTE_MS for v in verdicts if v.kind != "worse"
    }
    late = {fault.device for fault in story.fault if fault.kind == "delay" and fault.hold_s > 120}
    turns = {key: at_min for key, at_min in turns.items() if key[2].partition("/")[0] not in late}
    expected: dict[tuple[str, str, str], float] = {}
    for alarm in alarms(story):
        expected["onset", alarm.rule, alarm.subject] = alarm.opened_min
        if alarm.cleared_min is not None:
            expected["clear", alarm.rule, alarm.subject] = alarm.cleared_min
    assert turns.keys() == expected.keys()
    assert all(turns[key] == pytest.approx(expected[key], abs=1.1) for key in expected)


def _air(story: Story) -> list[Verdict]:
    air = air_model(story)
    minutes = np.arange(story.begin_ms // MINUTE_MS, story.end_ms // MINUTE_MS)
    detector = pollution.make(pollution.Settings())
    return [
        verdict
        for device in air.stations
        for verdict in detector.judge(Batch.of_readings(device, "pm25", minutes * MINUTE_MS, air.values(device, "pm25", minutes)))
    ]


def _roads(story: Story) -> list[Verdict]:
    detector = congestion.make(congestion.Settings())
    found = []
    for camera in story.camera:
        road = road_model(story, camera.device)
        for direction in road.directions:
            samples = road.samples(direction, story.begin_ms, story.end_ms, story.sample_s)
            found += detector.judge(replace(NOTHING, samples=[DeviceSamples(camera.device, samples)]))
    return found
