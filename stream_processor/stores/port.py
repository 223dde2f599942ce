"""SeriesStore: keyed points, so that writing twice changes nothing; rollups and the latest value come with it.

A series is named `device/quantity` (air) or `device/direction/quantity` (traffic).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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


class SeriesStore(Protocol):
    """Blocking calls; loops run them in a thread."""

    def write(self, points: Points) -> None:
        """Insert or replace by (series, time); rollups and latest follow. Raises Unavailable."""
        ...

    def raw(self, series: str, start_ms: int, stop_ms: int, most: int = 10_000) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times and values in [start, stop), oldest first."""
        ...

    def rollup(self, series: str, start_ms: int, stop_ms: int, width_ms: int) -> list[Bucket]:
        """Buckets that hold points and start in [start, stop); `width_ms` is a whole multiple of one minute."""
        ...

    def latest(self, prefix: str = "") -> list[Latest]:
        """The newest point of every series whose name starts with `prefix`."""
        ...

    def close(self) -> None: ...
