"""Rollups are exact: whatever the order, the cuts, the repeats and the revisions, they equal those of the final raw points."""

from __future__ import annotations

import itertools
import math
import tempfile
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.stores.port import Bucket, SeriesStore
from tests.stores.backends import embedded, influx
from tests.stores.rows import Row, points

MINUTE = 60_000
_rows = st.lists(
    st.tuples(
        st.sampled_from(["a/pm25", "b/north/speed_kmh"]),
        st.integers(-3_700_000, 3 * 3_600_000),
        st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False),
    ),
    max_size=60,
)


def brute(rows: list[Row], series: str, width_ms: int) -> list[Bucket]:
    final = {at: value for name, at, value in rows if name == series}
    found = []
    for start, group in groupby(sorted(final.items()), key=lambda row: row[0] // width_ms * width_ms):
        values = [value for _, value in group]
        found.append(Bucket(start, len(values), math.fsum(values), min(values), max(values), values[-1]))
    return found


def same(found: list[Bucket], expected: list[Bucket]) -> bool:
    exact = [(b.start_ms, b.count, b.min, b.max, b.last) for b in found] == [(b.start_ms, b.count, b.min, b.max, b.last) for b in expected]
    return exact and all(math.isclose(f.sum, e.sum, rel_tol=1e-12, abs_tol=1e-6) for f, e in zip(found, expected, strict=True))


def checked(store: SeriesStore, batches: list[list[Row]], suffix: str = "") -> None:
    for batch in batches:
        store.write(points([(name + suffix, at, value) for name, at, value in batch]))
    written = [row for batch in batches for row in batch]
    for series in ("a/pm25", "b/north/speed_kmh"):
        for width_ms in (MINUTE, 7 * MINUTE, 60 * MINUTE, 180 * MINUTE):
            assert same(store.rollup(series + suffix, -(1 << 40), 1 << 40, width_ms), brute(written, series, width_ms))


@settings(max_examples=40, deadline=None)
@given(st.lists(_rows, max_size=5))
def test_rollups_equal_brute_force(batches: list[list[Row]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = embedded.opened(Path(directory))
        checked(store, batches)
        store.close()


@pytest.mark.live
def test_rollups_of_influxdb_equal_brute_force(influx_files: Path) -> None:
    store = influx.opened(influx_files)
    numbers = itertools.count()

    @settings(max_examples=12, deadline=None)
    @given(st.lists(_rows, max_size=4))
    def each(batches: list[list[Row]]) -> None:
        checked(store, batches, f"_{next(numbers)}")

    each()
    store.close()
