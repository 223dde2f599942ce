"""SeriesStore: keyed points, so that writing twice changes nothing; rollups and the latest value come with it.

A series is named `device/quantity` (air) or `device/direction/quantity` (traffic).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from city_model.faults import Unavailable


class Busy(Unavailable):
    """The store asks for patience (429, 503, no answer in time). `after_s` is how long it said; 0 when it did not."""

    def __init__(self, text: str, after_s: float = 0.0) -> None:
        super().__init__(text)
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Points:
    """Columns of points, shape (n,): series (index into `series`), time in ms, value, flags (see `Flag`)."""

    series: tuple[str, ...]
    series_index: NDArray[np.uint16]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    flags: NDArray[np.uint8]


class Flag:
    """Bits of a point's `flags`."""

    LATE = 1
    """Arrived after the lateness bound: in the series, never in a live alarm."""
    REVISED = 2
    """A derived point (an index) that late readings had a part in: it may have been another before."""
    SICK = 4
    """Said by a sensor that was sick: in the series as it came, never judged and in no index."""
    FOG = 8
    """Particles measured in fog: kept, never judged."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest point of a series by event time."""

    series: str
    at_ms: int
    value: float
    flags: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """A rollup of one series over [start_ms, start_ms + width)."""

    start_ms: int
    count: int
    sum: float
    min: float
    max: float
    last: float

    @property
    def mean(self) -> float:
        return self.sum / self.count


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that the store will never take; `row` indexes the columns of the points that were written."""

    row: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left out. Every row that is not named here is stored.

    `expired` rows are older than the store keeps raw points: nothing is wrong with them, and they change no rollup either.
    """

    refused: tuple[RefusedRow, ...] = ()
    expired: int = 0


class SeriesStore(Protocol):
    """Blocking calls; loops run them in a thread."""

    def write(self, points: Points) -> Written:
        """Insert or replace by (series, time); rollups and latest follow. Rows the store cannot take are in the answer, all others stored.
        Raises Rejected for a value that is no number (nothing is stored), Unavailable (some rows may be stored: write them again)."""
        ...

    def raw(self, series: str, start_ms: int, stop_ms: int, most: int = 10_000) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times and values in [start, stop), oldest first."""
        ...

    def marked(self, series: str, start_ms: int, stop_ms: int, most: int = 10_000) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Times and flags of the raw points in [start, stop) that have any flag, oldest first."""
        ...

    def rollup(self, series: str, start_ms: int, stop_ms: int, width_ms: int) -> list[Bucket]:
        """Buckets that hold points and start in [start, stop); `width_ms` is a whole multiple of one minute."""
        ...

    def latest(self, prefix: str = "") -> list[Latest]:
        """The newest point of every series whose name starts with `prefix`."""
        ...

    def forget(self) -> None:
        """Other processes may have written since: whatever a store remembers to save reading, it reads again."""
        ...

    def close(self) -> None: ...
