"""The gate by itself: every check sees its own fault, healthy air passes, and cuts change nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.core.sensors.gate import Gate, checks, rounds
from stream_processor.core.sensors.groups import median_of_others
from stream_processor.core.sensors.port import Fault
from tests.sensors.town import MINUTE_MS, SICK, air

MINUTES = 2200


def judged(values: np.ndarray, quantity: str = "pm25", gate: Gate | None = None) -> np.ndarray:
    gate = gate or Gate()
    row = gate.memory.row("air-1", quantity)
    times = 1_795_600_800_000 + np.arange(len(values), dtype=np.int64) * MINUTE_MS
    return gate.judge(np.full(len(values), row), times, values)


def test_every_fault_has_a_check_in_a_file_of_its_own() -> None:
    names = {module.__name__.rpartition(".")[2] for having in ("look", "at_tick") for module in checks(having)}
    assert names == {str(fault.name).lower() for fault in Fault}


def test_healthy_air_passes() -> None:
    assert not judged(air(2 * 1440, 0)).any()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("stuck", Fault.STUCK),
        ("spike", Fault.SPIKE),
        ("noise", Fault.NOISE),
        ("chatter", Fault.CHATTER),
        ("out_of_range", Fault.OUT_OF_RANGE),
        ("saturated", Fault.SATURATED),
    ],
)
def test_a_check_sees_its_fault_and_nothing_before(name: str, fault: Fault) -> None:
    found = judged(SICK[name](air(MINUTES, 0)))
    assert not found[:2000].any()
    share = float(((found[2000:] & np.uint16(fault)) > 0).mean())
    assert share > (0.03 if name == "spike" else 0.9)


def test_a_temperature_that_jumps_is_off_until_it_is_back() -> None:
    values = 20 + 5 * np.sin(np.arange(MINUTES) / 1440 * 2 * np.pi) + np.random.default_rng(2).normal(0, 0.05, MINUTES)
    values[2000:2060] += 40
    found = judged(values, "temperature")
    assert (found[2000:2060] > 0).all()
    assert not found[:2000].any()
    assert not found[2064:].any()


def test_time_that_runs_backwards_is_a_clock_fault() -> None:
    gate = Gate()
    row = gate.memory.row("air-1", "pm25")
    times = np.array([0, 60_000, 30_000, 90_000], np.int64) + 1_795_600_800_000
    assert gate.judge(np.full(4, row), times, np.array([20.0, 21.0, 20.0, 21.0])).tolist() == [0, 0, int(Fault.CLOCK), 0]


def test_particles_in_fog_are_suspect() -> None:
    gate = Gate()
    row = gate.memory.row("air-1", "pm25")
    times = np.array([0, 60_000, 3_600_000], np.int64) + 1_795_600_800_000
    found = gate.judge(np.full(3, row), times, np.array([90.0, 91.0, 90.0]), np.full(3, times[0]))
    assert found.tolist() == [int(Fault.FOG), int(Fault.FOG), 0]


def test_rain_that_does_not_fall_is_not_stuck() -> None:
    assert not judged(np.zeros(600), "rain").any()


@given(st.lists(st.integers(1, 2199), max_size=8), st.sampled_from(sorted(SICK)))
@settings(max_examples=4, deadline=None)
def test_cuts_and_restarts_change_nothing(cuts: list[int], name: str) -> None:
    values = SICK[name](air(MINUTES, 0))
    whole = judged(values)
    gate, row = Gate(), 0
    times = 1_795_600_800_000 + np.arange(MINUTES, dtype=np.int64) * MINUTE_MS
    parts = []
    for part in np.split(np.arange(MINUTES), sorted(set(cuts))):
        row = gate.memory.row("air-1", "pm25")
        parts.append(gate.judge(np.full(len(part), row), times[part], values[part]))
        fresh = Gate()
        fresh.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(gate.snapshot())))
        gate = fresh
    assert np.array_equal(np.concatenate(parts), whole)


@given(st.lists(st.integers(0, 5), max_size=60))
def test_rounds_hold_each_row_once_and_keep_its_order(rows: list[int]) -> None:
    seen: dict[int, list[int]] = {}
    for part in rounds(np.array(rows, np.intp)):
        assert len({rows[i] for i in part}) == len(part)
        for i in part.tolist():
            seen.setdefault(rows[i], []).append(i)
    assert seen == {row: [i for i, r in enumerate(rows) if r == row] for row in set(rows)}


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=9))
def test_the_median_of_the_others(values: list[float]) -> None:
    expected = [float(np.median(values[:i] + values[i + 1 :])) for i in range(len(values))]
    assert median_of_others(np.array(values)).tolist() == pytest.approx(expected)
