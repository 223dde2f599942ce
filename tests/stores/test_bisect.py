"""Bad rows are found one by one, good ones are all stored, with few calls."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.stores.bisect import Refusal, Rows, send_around


class _Store:
    """Refuses some rows as InfluxDB does: a line of the wrong type is left out and counted, one that does not parse voids the batch."""

    def __init__(self, wrong_type: set[int], no_line: set[int]) -> None:
        self.wrong_type, self.no_line = wrong_type, no_line
        self.stored: set[int] = set()
        self.calls = 0

    def send(self, rows: Rows) -> Refusal | None:
        self.calls += 1
        asked = set(rows.tolist())
        if broken := asked & self.no_line:
            return Refusal(f"unable to parse {min(broken)}")
        wrong = asked & self.wrong_type
        self.stored |= asked - wrong
        return Refusal(f"conflict, first {min(wrong)}", len(wrong)) if wrong else None


@given(st.integers(0, 200), st.sets(st.integers(0, 199)), st.sets(st.integers(0, 199)))
def test_all_good_rows_are_stored_and_exactly_the_bad_ones_named(count: int, wrong_type: set[int], no_line: set[int]) -> None:
    store = _Store(wrong_type, no_line)
    bad = [row for rows, _ in send_around(store.send, np.arange(count)) for row in rows.tolist()]
    expected = {row for row in range(count) if row in wrong_type | no_line}
    assert sorted(bad) == sorted(expected)
    assert store.stored == set(range(count)) - expected


@pytest.mark.parametrize("bad", [{4711}, set(range(20_000, 25_000)), {1, 30_000, 49_999}])
def test_few_bad_groups_cost_few_calls(bad: set[int]) -> None:
    store = _Store(bad, set())
    list(send_around(store.send, np.arange(50_000)))
    groups = 3 if len(bad) == 3 else 1
    assert store.calls <= 4 * groups * math.log2(50_000)


def test_a_batch_that_is_all_bad_costs_one_call() -> None:
    store = _Store(set(range(1000)), set())
    (found,) = send_around(store.send, np.arange(1000))
    assert (len(found[0]), found[1], store.calls) == (1000, "conflict, first 0", 1)


def test_nothing_to_send_is_not_sent() -> None:
    store = _Store(set(), set())
    assert list(send_around(store.send, np.arange(0))) == []
    assert store.calls == 0
