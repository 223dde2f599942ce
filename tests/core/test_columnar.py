"""Columns of a snapshot say exactly what the rows were, and rows that nobody asked for are told again unbuilt or built alike."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.core.columnar import Lists, Rows, floats, ints, of_floats, of_ints, whole
from stream_processor.core.detectors import plume, pollution, rapid_rise
from stream_processor.core.detectors.port import Batch, Detector
from stream_processor.core.names import NameTable

NUMBERS = st.floats(allow_nan=False)
START_MS = 1_790_000_100_000


@given(st.lists(st.none() | st.integers(-(2**62), 2**62)), st.lists(st.none() | NUMBERS))
def test_columns_give_back_what_they_took(some: list[int | None], others: list[float | None]) -> None:
    assert [whole(value) for value in of_ints(ints(some)).tolist()] == some
    assert [None if math.isnan(value) else value for value in of_floats(floats(others)).tolist()] == others


@given(st.lists(st.lists(st.none() | NUMBERS)))
def test_lists_give_back_what_they_took(lists: list[list[float | None]]) -> None:
    told = Lists(Lists.column(lists))
    assert [told[row] for row in range(len(lists))] == lists


def test_a_row_is_built_once_and_only_when_it_is_asked_for() -> None:
    built: list[int] = []

    def build(row: int) -> list[int]:
        built.append(row)
        return [row]

    rows: Rows[str, list[int]] = Rows(["b", "a", "c"], build)
    assert len(rows) == 3
    assert rows.get("nobody") is None
    assert built == []
    assert rows["a"] is rows["a"]
    assert built == [1]
    rows["c"] = [7]
    assert rows.sorted() == [("a", [1]), ("b", [0]), ("c", [7])]
    assert built == [1, 0]
    with pytest.raises(KeyError):
        rows["nobody"]


def air(device: str, from_minute: int, minutes: int) -> Batch:
    """Three quantities a minute, of a rising level."""
    quantities = ("pm25", "pm10", "wind_speed")
    n = minutes * len(quantities)
    at_ms = START_MS + (from_minute + np.arange(n) // 3) * 60_000
    value = 20.0 + 40.0 * np.sqrt(np.arange(n) // 3 + from_minute) * (np.arange(n) % 3 + 1)
    return Batch((device,), quantities, np.zeros(n, np.int32), (np.arange(n) % 3).astype(np.uint16), at_ms, value)


@pytest.mark.parametrize("module", [pollution, rapid_rise, plume])
def test_a_detector_goes_on_exactly_whichever_rows_have_been_built(module: Any) -> None:  # noqa: ANN401
    straight: Detector = module.make(module.Settings())
    resumed: Detector = module.make(module.Settings())
    for k in range(40):
        for detector in (straight, resumed):
            detector.judge(air(f"air-{k % 5}", 7 * (k // 5), 7))
        if k % 3 == 0:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(resumed.snapshot()))
            resumed = module.make(module.Settings())
            resumed.restore(state)
        if k % 5 == 4:
            now_ms = START_MS + 7 * (k // 5 + 1) * 60_000
            assert resumed.tick(now_ms) == straight.tick(now_ms)
    assert resumed.snapshot() == straight.snapshot()


@given(st.lists(st.sampled_from([f"air-{k:04d}" for k in range(300)]), min_size=1, max_size=300))
def test_few_names_and_many_have_the_same_numbers(names: list[str]) -> None:
    table, one_by_one = NameTable(), NameTable()
    wanted = [one_by_one.number(name) for name in names]
    block = np.frombuffer("".join(names).encode(), np.uint8).reshape(-1, 8)
    assert table.numbers(block[:100]).tolist() + table.numbers(block[100:]).tolist() == wanted
    assert table.names == one_by_one.names
    assert table.numbers(np.tile(block, (1000, 1))).tolist() == wanted * 1000
