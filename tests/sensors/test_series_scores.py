"""The scoring rules, and the series detectors they judge."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from simulators.series.faults import point_f1
from simulators.series.loops import episodes
from simulators.series.nab_score import normalised, raw_score, scaled_sigmoid
from stream_processor.core.anomaly import Anomaly, Settings
from stream_processor.core.free_flow import FreeFlow
from stream_processor.core.sensors.correction import fit


def test_nab_gives_all_for_the_first_row_of_a_window_and_nothing_for_silence() -> None:
    windows = [(400, 499)]
    assert normalised(raw_score([400], 1000, windows), 1) == pytest.approx(100.0)
    assert normalised(raw_score([], 1000, windows), 1) == 0.0
    assert raw_score([200, 400], 1000, windows) == pytest.approx(1.0 - 0.11)
    assert raw_score([100], 1000, windows) == -1.0  # probation: neither right nor wrong
    assert scaled_sigmoid(3.1) == -1.0


def test_point_f1() -> None:
    flagged, truth = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert point_f1(flagged, truth) == 0.5
    assert point_f1(np.zeros(3, bool), np.zeros(3, bool)) == 1.0


def test_an_episode_needs_a_quarter_of_an_hour() -> None:
    speeds = np.full(100, 60.0)
    speeds[10:12], speeds[20:23] = 20.0, 20.0
    assert episodes(speeds) == [(20, 23)]


def test_free_flow_is_the_85th_percentile() -> None:
    flow, speeds = FreeFlow(), np.random.default_rng(3).uniform(20, 70, 2000)
    for speed in speeds.tolist():
        flow.add(speed)
    assert flow.speed() == pytest.approx(np.percentile(speeds, 85), abs=0.3)


def test_an_anomaly_detector_continues_exactly_from_its_snapshot() -> None:
    values = (20 + 5 * np.sin(np.arange(900) / 288 * 2 * np.pi) + np.random.default_rng(4).normal(0, 1, 900)).tolist()
    values[700] += 60
    whole, machine = Anomaly(Settings()), Anomaly(Settings())
    expected = [whole.take(i * 300_000, value) for i, value in enumerate(values)]
    got = []
    for i, value in enumerate(values):
        got.append(machine.take(i * 300_000, value))
        if i % 97 == 0:
            state = msgspec.json.decode(msgspec.json.encode(machine.snapshot()))
            machine = Anomaly(Settings())
            machine.restore(state)
    assert got == expected
    assert got[700][1]


def test_a_correction_finds_the_line_it_was_shown() -> None:
    pm, humidity = np.linspace(1, 60, 50), np.random.default_rng(1).uniform(30, 90, 50)
    model = fit("line", "1", ("one", "pm", "humidity"), {"pm": pm, "humidity": humidity}, 3 + 0.5 * pm - 0.02 * humidity, ridge=0.0)
    assert model.weights == pytest.approx((3.0, 0.5, -0.02))
