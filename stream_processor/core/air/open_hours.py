"""When an hour of a station is over: at the first reading of a later one, or by ticks. What comes after that is behind.

Used by whatever judges whole hours: hand it readings, and it says which hours of which stations have just ended, in order, at the moment at
which their sums are what they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.air.hours import HourlySums, Indices
from stream_processor.core.detectors.port import Batch

Times = NDArray[np.int64]
Floats = NDArray[np.float64]
_NEVER = -1
_BLOCK_HOURS = 12  # of a backlog at a time: what is needed to judge them is still in the ring


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings of the quantities that count, shape (n,): row of the station, plane of the quantity, time, value."""

    rows: Indices
    planes: Indices
    at_ms: Times
    value: Floats

    def where(self, mask: NDArray[np.bool_]) -> Columns:
        """Those where `mask` holds."""
        return Columns(self.rows[mask], self.planes[mask], self.at_ms[mask], self.value[mask])


Ended = tuple[Indices, Indices]
"""(row, hour) of hours that are over, shape (n,) each."""


class OpenHours:
    """Hourly sums of stations, and how far each station's hours are over.

    An hour is told of as long as `memory_hours` that end with it hold a reading.
    """

    def __init__(self, quantities: Sequence[str], offset_ms: int, memory_hours: int) -> None:
        self.sums = HourlySums(quantities, offset_ms)
        self.closed: Indices = np.empty(0, np.int64)
        self._memory = memory_hours

    def columns(self, batch: Batch) -> Columns:
        """The readings of `batch` that count."""
        names = self.sums.quantities
        plane_of = np.array([names.index(q) if q in names else -1 for q in batch.quantities], np.int64)
        if not (plane_of >= 0).any():
            none = np.empty(0, np.int64)
            return Columns(none, none, none, np.empty(0))
        planes = plane_of[batch.quantity_index]
        mine = planes >= 0
        present = np.unique(batch.device_index[mine])
        row_of = np.zeros(len(batch.devices), np.int64)
        row_of[present] = self.sums.rows([batch.devices[k] for k in present.tolist()])
        if len(self.closed) < len(self.sums.newest):
            more = np.full(len(self.sums.newest) - len(self.closed), _NEVER, np.int64)
            self.closed = np.concatenate([self.closed, more])
        return Columns(row_of[batch.device_index[mine]], planes[mine], batch.at_ms[mine], batch.value[mine])

    def behind(self, columns: Columns) -> NDArray[np.bool_]:
        """Which readings came when their station had gone past their hour. They stand station by station, each in its own order."""
        hours = self.sums.hour_of(columns.at_ms)
        if not len(hours):
            return np.zeros(0, bool)
        device = np.concatenate([[0], np.cumsum(np.diff(columns.rows) != 0)])
        span = int(hours.max()) + 1
        reached = np.maximum.accumulate(device * span + hours) - device * span
        closed = self.closed[columns.rows]
        open_from = np.where(closed == _NEVER, _NEVER, closed + 1)
        return np.asarray(hours < np.maximum(np.maximum(reached, self.sums.newest[columns.rows]), open_from))

    def take(self, columns: Columns, *, is_late: bool = False) -> Iterator[Ended]:
        """Add readings that are not behind; judge what is yielded before going on."""
        hours = self.sums.hour_of(columns.at_ms)
        for block in np.unique(hours // _BLOCK_HOURS).tolist():
            now = columns.where(hours // _BLOCK_HOURS == block)
            mine = np.unique(now.rows)
            first = np.full(len(self.closed), np.iinfo(np.int64).max)
            np.minimum.at(first, now.rows, self.sums.hour_of(now.at_ms))
            self.closed[mine] = np.where(self.closed[mine] == _NEVER, first[mine] - 1, self.closed[mine])
            yield self._close(mine, first[mine] - 1, self.sums.newest[mine] + self._memory - 1)
            self.sums.add(now.rows, now.planes, now.at_ms, now.value, is_late=is_late)
            yield self._close(mine, self.sums.newest[mine] - 1, self.sums.newest[mine])

    def tick(self, over_ms: int) -> Ended:
        """Every hour that ended by `over_ms` is over."""
        over = int(self.sums.hour_of(np.array([over_ms], np.int64))[0]) - 1
        used = len(self.sums.stations)
        newest, closed = self.sums.newest[:used], self.closed[:used]
        rows = np.flatnonzero((closed < over) & (closed < newest + self._memory - 1) & (closed != _NEVER))
        return self._close(rows, np.full(len(rows), over), newest[rows] + self._memory - 1)

    def _close(self, rows: Indices, up_to: Indices, last: Indices) -> Ended:
        """Hours up to `up_to` are over; those after `last` have nothing in their memory and are not told of."""
        first = self.closed[rows] + 1
        count = np.maximum(np.minimum(up_to, last) - first + 1, 0)
        self.closed[rows] = np.maximum(self.closed[rows], up_to)
        hours = np.repeat(first - np.cumsum(count) + count, count) + np.arange(int(count.sum()))
        return np.repeat(rows, count), hours

    def snapshot(self) -> dict[str, Any]:
        """State as plain values (bytes included)."""
        return {"sums": self.sums.snapshot(), "closed": self.closed[: len(self.sums.stations)].tobytes()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly from `snapshot()`."""
        self.sums.restore(state["sums"])
        self.closed = np.frombuffer(state["closed"], np.int64).copy()
