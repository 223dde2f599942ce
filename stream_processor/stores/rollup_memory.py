"""What buckets of time hold, remembered while they fill: so that computing a minute again does not read it back at every write.

Everything in here was read from the store, or written to it, by this process. Buckets nobody touched for long go first, and a bucket is
read anew after some minutes, or at once when the owner of the store says that others may have written (`forget`).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rolled:
    """Rows of rollups, shape (n,) each: or of points, where all but `series` and `at_ms` are the value and `count` is 1."""

    series: Ints
    at_ms: Ints
    count: Ints
    sum: Floats
    min: Floats
    max: Floats
    last: Floats

    @staticmethod
    def of_points(series: Ints, at_ms: Ints, value: Floats) -> Rolled:
        """Points as rollups of themselves."""
        return Rolled(series, at_ms, np.ones(len(value), np.int64), value, value, value, value)

    @staticmethod
    def empty() -> Rolled:
        """No rows."""
        ints, floats = np.empty(0, np.int64), np.empty(0, np.float64)
        return Rolled(ints, ints, ints, floats, floats, floats, floats)

    def rows(self, at: NDArray[np.bool_] | Ints) -> Rolled:
        """Some of the rows."""
        return Rolled(
            self.series[at], self.at_ms[at], self.count[at], self.sum[at], self.min[at], self.max[at], self.last[at]
        )  # fmt: skip


def _joined(parts: Sequence[Rolled]) -> Rolled:
    return Rolled(
        np.concatenate([one.series for one in parts]), np.concatenate([one.at_ms for one in parts]),
        np.concatenate([one.count for one in parts]), np.concatenate([one.sum for one in parts]),
        np.concatenate([one.min for one in parts]), np.concatenate([one.max for one in parts]), np.concatenate([one.last for one in parts]),
    )  # fmt: skip


def over(first: Rolled, second: Rolled) -> Rolled:
    """Rows of both by series and time; where both have a row for one place, the second's."""
    joined = _joined((first, second))
    order = np.lexsort((np.arange(len(joined.series)), joined.at_ms, joined.series))
    series, at_ms = joined.series[order], joined.at_ms[order]
    last = np.append((np.diff(series) != 0) | (np.diff(at_ms) != 0), True)[: len(order)]
    return joined.rows(order[last])


def rolled_up(rows: Rolled, width_ms: int) -> Rolled:
    """Rows ordered by series and time, as one row for each series and bucket. Sums are exact to the last bit, so that they do not depend
    on how often or in what pieces they were computed."""
    if not len(rows.series):
        return rows
    starts = rows.at_ms // width_ms * width_ms
    first = np.flatnonzero(np.append(True, (np.diff(rows.series) != 0) | (np.diff(starts) != 0)))
    ends = np.append(first[1:], len(starts))
    values = rows.sum.tolist()
    total = [math.fsum(values[a:b]) for a, b in zip(first.tolist(), ends.tolist(), strict=True)]
    return Rolled(
        rows.series[first], starts[first], np.add.reduceat(rows.count, first), np.array(total),
        np.minimum.reduceat(rows.min, first), np.maximum.reduceat(rows.max, first), rows.last[ends - 1],
    )  # fmt: skip


@dataclass(slots=True)
class _Held:
    rows: Rolled
    covered: Ints  # series whose rows of this bucket are all here, sorted
    since_s: float


class RollupMemory:
    """Buckets of one width. Not for several threads at once."""

    def __init__(self, width_ms: int, most_rows: int = 1_500_000, trusted_s: float = 600.0) -> None:
        self._width_ms, self._most_rows, self._trusted_s = width_ms, most_rows, trusted_s
        self._held: OrderedDict[int, _Held] = OrderedDict()

    def forget(self) -> None:
        """Others may have written: everything must be read again."""
        self._held.clear()

    def missing(self, series: Ints, starts: Ints, now_s: float) -> NDArray[np.bool_]:
        """Which of these (series, bucket) places must be read from the store first."""
        for start in [start for start, held in self._held.items() if now_s - held.since_s > self._trusted_s]:
            del self._held[start]
        missing = np.ones(len(series), np.bool_)
        for start in np.unique(starts).tolist():
            if (held := self._held.get(start)) is not None:
                here = starts == start
                missing[here] = ~np.isin(series[here], held.covered)
        return missing

    def read(self, series: Ints, starts: Ints, rows: Rolled, now_s: float) -> None:
        """These places were read from the store, and `rows` is all they hold (rows of other places are passed over)."""
        row_starts = rows.at_ms // self._width_ms * self._width_ms
        for start in np.unique(starts).tolist():
            new = series[starts == start]
            held = self._held.setdefault(start, _Held(Rolled.empty(), np.empty(0, np.int64), now_s))
            held.covered = np.union1d(held.covered, new)
            held.rows = over(held.rows, rows.rows((row_starts == start) & np.isin(rows.series, new)))

    def written(self, rows: Rolled) -> Rolled:
        """Rows that were stored, of places that were read before; returns the rollups of the places they are in."""
        row_starts = rows.at_ms // self._width_ms * self._width_ms
        out = []
        for start in np.unique(row_starts).tolist():
            held = self._held[start]
            self._held.move_to_end(start)
            new = rows.rows(row_starts == start)
            held.rows = over(held.rows, new)
            out.append(rolled_up(held.rows.rows(np.isin(held.rows.series, new.series)), self._width_ms))
        self._make_room(len(out))
        return _joined(out) if out else Rolled.empty()

    def _make_room(self, just_used: int) -> None:
        total = sum(len(held.rows.series) for held in self._held.values())
        while total > self._most_rows and len(self._held) > just_used:
            _, gone = self._held.popitem(last=False)
            total -= len(gone.rows.series)
