"""What is remembered of filling buckets gives the same rollups as reading them back, whoever wrote in between."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.stores.rollup import portions, touched
from stream_processor.stores.rollup_memory import Rolled, RollupMemory

MINUTE = 60_000
_rows = st.lists(st.tuples(st.integers(0, 3), st.integers(-70_000, 200_000), st.floats(-1e6, 1e6)), min_size=1, max_size=25)


class _World:
    """A store of points and rollups that several processes write to, each with a memory of its own."""

    def __init__(self, processes: int, most_rows: int) -> None:
        self.points: dict[tuple[int, int], float] = {}
        self.rollups: dict[tuple[int, int], tuple[int, float, float, float, float]] = {}
        self.memories = [RollupMemory(MINUTE, most_rows, trusted_s=50.0) for _ in range(processes)]
        self.reads = 0

    def write(self, process: int, rows: list[tuple[int, int, float]], now_s: float) -> None:
        final = {(series, at): value for series, at, value in rows}
        self.points |= final
        memory, written = self.memories[process], points(final)
        series, starts = touched(written.series, written.at_ms, MINUTE)
        missing = memory.missing(series, starts, now_s)
        for portion in portions(series[missing], starts[missing], MINUTE, most_places=5):
            self.reads += 1
            first, last = int(starts[missing][portion][0]), int(starts[missing][portion][-1]) + MINUTE
            held = {place: value for place, value in self.points.items() if first <= place[1] < last}
            memory.read(series[missing][portion], starts[missing][portion], points(held), now_s)
        one = memory.written(written)
        for row in zip(*(getattr(one, name).tolist() for name in ("series", "at_ms", "count", "sum", "min", "max", "last")), strict=True):
            self.rollups[row[0], row[1]] = row[2:]


def points(of: dict[tuple[int, int], float]) -> Rolled:
    return Rolled.of_points(
        np.array([place[0] for place in of], np.int64), np.array([place[1] for place in of], np.int64), np.array(list(of.values()), float)
    )


def brute(of: dict[tuple[int, int], float]) -> dict[tuple[int, int], tuple[int, float, float, float, float]]:
    places: dict[tuple[int, int], list[float]] = {}
    for (series, at), value in sorted(of.items()):
        places.setdefault((series, at // MINUTE * MINUTE), []).append(value)
    return {place: (len(v), math.fsum(v), min(v), max(v), v[-1]) for place, v in places.items()}


@given(st.lists(st.tuples(st.integers(0, 1), _rows), max_size=6), st.sampled_from([0, 10, 10_000]))
@settings(deadline=None)
def test_rollups_equal_brute_force_when_ownership_moves(turns: list[tuple[int, list[tuple[int, int, float]]]], most_rows: int) -> None:
    world, owner = _World(2, most_rows), 0
    for process, rows in turns:
        if process != owner:
            world.memories[process].forget()
            owner = process
        world.write(process, rows, now_s=0.0)
    assert world.rollups == brute(world.points)


def test_a_minute_that_fills_is_read_once() -> None:
    world = _World(1, 10_000)
    for i in range(50):
        world.write(0, [(series, i * 1000, float(i)) for series in range(5)], now_s=0.0)
    assert world.reads == 1
    assert world.rollups == brute(world.points)


def test_what_is_remembered_is_read_again_after_its_time() -> None:
    world = _World(2, 10_000)
    world.write(0, [(1, 0, 1.0)], now_s=0.0)
    world.write(1, [(1, 1, 2.0)], now_s=0.0)
    world.write(0, [(1, 2, 3.0)], now_s=51.0)
    assert world.rollups == brute(world.points)


def test_what_is_remembered_is_bounded() -> None:
    world = _World(1, 100)
    for minute in range(60):
        world.write(0, [(series, minute * MINUTE, 1.0) for series in range(30)], now_s=0.0)
    held = world.memories[0]._held
    assert sum(len(one.rows.series) for one in held.values()) <= 100
    assert world.rollups == brute(world.points)


@given(_rows, st.integers(1, 30))
def test_portions_are_all_places_in_order(rows: list[tuple[int, int, float]], most: int) -> None:
    series, starts = touched(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), MINUTE)
    parts = list(portions(series, starts, MINUTE, most))
    assert [i for part in parts for i in range(len(starts))[part]] == list(range(len(starts)))
    for part in parts:
        assert len(set(starts[part])) == 1 or len(set(starts[part])) * len(set(series[part])) <= most * 3
