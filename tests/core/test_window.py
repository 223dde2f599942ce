"""Windows: the numpy and the compiled kernel give the bytes of the plain one, whatever the batches, gaps, duplicates and late values."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from city_model.faults import ConfigError
from city_model.settings import from_table
from stream_processor.core import window_numpy, window_scalar
from stream_processor.core.window import Changes, Kernel, Windows, WindowSettings
from stream_processor.core.window_compiled import compiled_kernel

RULE = WindowSettings(
    slots=5, warm_up=3, open_mean=20.0, open_count=2, open_z=2.0, open_value=18.0, close_mean=15.0, close_z=1.0
)  # fmt: skip
Rows = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]
STEPS = [0, 1, 1, 1, 1, 2, 3, 4, 9, -1, -2, -4, -9]


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Up to four rows of state, each with its own time that mostly goes on by a slot."""
    steps = draw(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(STEPS), st.integers(0, 400)), max_size=80))
    now = [1000, 1000, 5000, 1000]
    slots = []
    for row, step, _ in steps:
        slots.append(now[row] + step)
        now[row] = max(now[row], slots[-1])
    columns = np.array([one for one, _, _ in steps], np.int32), np.array(slots, np.int64) * 60_000
    return *columns, np.array([value / 10 for _, _, value in steps])


@pytest.fixture(params=["numpy", "narrow", "numba"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """`narrow` sends all but single values down the dense way."""
    if request.param == "numba":
        return compiled_kernel() or pytest.skip("numba is not installed")
    if request.param == "narrow":
        monkeypatch.setattr(window_numpy, "NARROW", 2)
        monkeypatch.setattr(window_numpy, "MANY_ROUNDS", 1)
    return window_numpy.take


def text(changes: list[Changes]) -> list[tuple[bytes, ...]]:
    return [tuple(getattr(one, name).tobytes() for name in one.__slots__) for one in changes]


def run(kernel: Kernel, given_rows: Rows, edges: list[int], rule: WindowSettings = RULE) -> tuple[list[Changes], Windows]:
    windows = Windows(rule, kernel)
    return [windows.take(*part(given_rows, a, b)) for a, b in pairwise(edges)], windows


def part(given_rows: Rows, start: int, stop: int) -> Rows:
    row, at_ms, value = given_rows
    return row[start:stop], at_ms[start:stop], value[start:stop]


def parts(data: st.DataObject, n: int) -> list[int]:
    return [0, *sorted(data.draw(st.lists(st.integers(0, n), max_size=4))), n]


@pytest.mark.parametrize("slots", [5, 64])
def test_every_kernel_equals_the_plain_one_to_the_bit(kernel: Kernel, slots: int) -> None:
    rule = replace(RULE, slots=slots)

    @given(rows(), st.data())
    @settings(max_examples=50, deadline=None)
    def check(given_rows: Rows, data: st.DataObject) -> None:
        edges = parts(data, len(given_rows[0]))
        expected, oracle = run(window_scalar.take, given_rows, edges, rule)
        found, windows = run(kernel, given_rows, edges, rule)
        assert text(found) == text(expected)
        assert windows.snapshot() == oracle.snapshot()

    check()


def test_cuts_and_restarts_change_nothing(kernel: Kernel) -> None:
    @given(rows(), st.data())
    @settings(max_examples=30, deadline=None)
    def check(given_rows: Rows, data: st.DataObject) -> None:
        (whole,), at_once = run(kernel, given_rows, [0, len(given_rows[0])])
        windows, found = Windows(RULE, kernel), []
        for a, b in pairwise(parts(data, len(given_rows[0]))):
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(windows.snapshot()))
            windows = Windows(RULE, kernel)
            windows.restore(state)
            changes = windows.take(*part(given_rows, a, b))
            found += [(int(given_rows[0][p + a]), int(p + a)) for p in changes.position.tolist()]
        assert sorted(found) == sorted((int(given_rows[0][p]), int(p)) for p in whole.position.tolist())
        assert (windows.late, windows.duplicates) == (at_once.late, at_once.duplicates)

    check()


def test_a_mean_opens_and_closes_and_a_jump_opens_by_itself(kernel: Kernel) -> None:
    rule = WindowSettings()
    values = np.array([20.0 + k % 3 for k in range(40)] + [200.0] + [20.0] * 20 + [100.0] * 60)
    minutes = 1_795_600_800_000 + np.arange(len(values), dtype=np.int64) * 60_000
    changes = Windows(rule, kernel).take(np.zeros(len(values), np.int32), minutes, values)
    assert changes.position.tolist() == [40, 41, 88]  # the jump, its end, and the mean: 231 + 200 + 20 * 20 + 28 * 100 >= 60 * 60
    assert changes.opened.tolist() == [True, False, True]
    assert changes.z[0] > 6
    assert changes.mean[2] >= 60


def test_late_and_double_values_are_counted_and_change_nothing(kernel: Kernel) -> None:
    windows = Windows(WindowSettings(), kernel)
    minutes = np.array([100, 160, 160, 101, 100, 99], np.int64) * 60_000
    windows.take(np.zeros(6, np.int32), minutes, np.full(6, 10.0))
    assert (windows.late, windows.duplicates) == (2, 1)  # 100 and 99 are older than 160 - 59; 101 fills its slot
    assert np.frombuffer(windows.snapshot()["cells"], np.int64)[4] == 2  # the count of the first row


def test_hysteresis_must_have_a_width() -> None:
    with pytest.raises(ConfigError, match="close_mean"):
        from_table(WindowSettings, {"open_mean": 10.0, "close_mean": 20.0}, "core.toml")
