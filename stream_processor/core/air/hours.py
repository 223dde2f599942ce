"""Hourly means of many stations, kept as exact sums: the same whatever the order of arrival and wherever batches are cut.

A value is kept in whole millionths, so sums are integers and adding is exact. One row for each station, one plane for each quantity, a ring
of hours. A row's slot belongs to the hour that stands in `_hour_of`; a slot of another hour counts as empty.

An hour is good when it is covered as well as the best hour around it, three of its four quarters being enough: a station that sends every
minute needs three quarters of the hour, one that sends every hour needs its one value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)
RING_HOURS = 96
_MICRO = 1_000_000
_HOUR_MS = 3_600_000
_NEVER = -1
_QUARTERS = np.array([bin(k).count("1") for k in range(16)], np.int8)
_ENOUGH_QUARTERS = 3


class HourlySums:
    """Sums by (station, quantity, hour). Hours are numbered from 1970 in the offset given; `newest` is each station's newest hour."""

    def __init__(self, quantities: Sequence[str], offset_ms: int = 0) -> None:
        self.quantities = tuple(quantities)
        self._offset_ms = offset_ms
        self._clear()

    def _clear(self) -> None:
        planes = len(self.quantities)
        self.stations: dict[str, int] = {}
        self.newest: Indices = np.empty(0, np.int64)
        self._hour_of: Indices = np.empty((0, RING_HOURS), np.int64)
        self._late: NDArray[np.bool_] = np.empty((0, RING_HOURS), np.bool_)
        self._sum: Indices = np.empty((0, planes, RING_HOURS), np.int64)
        self._count: NDArray[np.int32] = np.empty((0, planes, RING_HOURS), np.int32)
        self._quarters: NDArray[np.uint8] = np.empty((0, planes, RING_HOURS), np.uint8)

    def hour_of(self, at_ms: NDArray[np.int64]) -> Indices:
        """The hour that a time falls into."""
        return (at_ms + self._offset_ms) // _HOUR_MS

    def start_ms(self, hours: Indices) -> NDArray[np.int64]:
        """When hours begin."""
        return hours * _HOUR_MS - self._offset_ms

    def rows(self, stations: Sequence[str]) -> Indices:
        """Rows of stations; new ones are made."""
        rows = [self.stations.setdefault(station, len(self.stations)) for station in stations]
        if len(self.stations) > len(self._hour_of):
            self._resize(max(64, 2 * len(self.stations)))
        return np.array(rows, np.int64)

    def add(self, rows: Indices, planes: Indices, at_ms: NDArray[np.int64], value: NDArray[np.float64], *, is_late: bool) -> None:
        """Take in readings, shape (n,) each; those whose hour has left the ring are passed over. Raises nothing."""
        hours = self.hour_of(at_ms)
        slots = hours % RING_HOURS
        np.maximum.at(self.newest, rows, hours)
        held = hours > self.newest[rows] - RING_HOURS
        if not held.all():
            rows, planes, hours, slots, at_ms = (column[held] for column in (rows, planes, hours, slots, at_ms))
            value = value[held]
        self._claim(rows, slots, hours)
        flat = (rows * len(self.quantities) + planes) * RING_HOURS + slots
        np.add.at(self._sum.reshape(-1), flat, np.rint(value * _MICRO).astype(np.int64))
        np.add.at(self._count.reshape(-1), flat, 1)
        quarters = np.left_shift(1, (at_ms + self._offset_ms) % _HOUR_MS // (_HOUR_MS // 4)).astype(np.uint8)
        np.bitwise_or.at(self._quarters.reshape(-1), flat, quarters)
        if is_late:
            self._late[rows, slots] = True

    def _claim(self, rows: Indices, slots: Indices, hours: Indices) -> None:
        """Empty the slots that still belong to an hour long past."""
        stale = self._hour_of[rows, slots] != hours
        if stale.any():
            rows, slots, hours = rows[stale], slots[stale], hours[stale]
            for plane in range(len(self.quantities)):
                self._sum[rows, plane, slots] = 0
                self._count[rows, plane, slots] = 0
                self._quarters[rows, plane, slots] = 0
            self._late[rows, slots] = False
            self._hour_of[rows, slots] = hours

    def means(self, rows: Indices, last_hours: Indices, span: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Means of the `span` hours that end with `last_hours`, shape (quantities, n, span), oldest first, NaN where an hour is not good;
        and, shape (n, span), whether late readings had a part in an hour."""
        hours = last_hours[:, None] + np.arange(1 - span, 1)
        slots, row = hours % RING_HOURS, rows[:, None]
        there = self._hour_of[row, slots] == hours
        count = np.moveaxis(self._count[row, :, slots], 2, 0) * there
        quarters = _QUARTERS[np.moveaxis(self._quarters[row, :, slots], 2, 0)] * there
        enough = np.minimum(quarters.max(axis=-1, keepdims=True), _ENOUGH_QUARTERS)
        good = (count > 0) & (quarters >= enough)
        total = np.moveaxis(self._sum[row, :, slots], 2, 0)
        means = np.where(good, total / (np.maximum(count, 1) * np.float64(_MICRO)), np.nan)
        return means, self._late[row, slots] & there

    def _resize(self, size: int) -> None:
        """Room for `size` stations; those there are stay."""
        self.newest = _longer(self.newest, size, _NEVER)
        self._hour_of = _longer(self._hour_of, size, _NEVER)
        self._late = _longer(self._late, size, 0)
        self._sum = _longer(self._sum, size, 0)
        self._count = _longer(self._count, size, 0)
        self._quarters = _longer(self._quarters, size, 0)

    def snapshot(self) -> dict[str, Any]:
        """Only what is filled, as columns of little-endian bytes."""
        used = len(self.stations)
        hours_at = np.flatnonzero(self._hour_of[:used] != _NEVER)
        sums_at = np.flatnonzero(self._count[:used])
        return {
            "stations": list(self.stations),
            "newest": self.newest[:used].tobytes(),
            "hours_at": hours_at.tobytes(),
            "hours": self._hour_of[:used].reshape(-1)[hours_at].tobytes(),
            "late": self._late[:used].reshape(-1)[hours_at].tobytes(),
            "sums_at": sums_at.tobytes(),
            "sums": self._sum[:used].reshape(-1)[sums_at].tobytes(),
            "counts": self._count[:used].reshape(-1)[sums_at].tobytes(),
            "quarters": self._quarters[:used].reshape(-1)[sums_at].tobytes(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly from `snapshot()`."""
        self._clear()
        self.stations = {station: row for row, station in enumerate(state["stations"])}
        self._resize(len(self.stations))
        self.newest[:] = np.frombuffer(state["newest"], np.int64)
        hours_at, sums_at = np.frombuffer(state["hours_at"], np.int64), np.frombuffer(state["sums_at"], np.int64)
        self._hour_of.reshape(-1)[hours_at] = np.frombuffer(state["hours"], np.int64)
        self._late.reshape(-1)[hours_at] = np.frombuffer(state["late"], np.bool_)
        self._sum.reshape(-1)[sums_at] = np.frombuffer(state["sums"], np.int64)
        self._count.reshape(-1)[sums_at] = np.frombuffer(state["counts"], np.int32)
        self._quarters.reshape(-1)[sums_at] = np.frombuffer(state["quarters"], np.uint8)


def _longer(column: NDArray[T], size: int, fill: int) -> NDArray[T]:
    """`column` with `size` rows, the new ones filled."""
    shape = (size, *column.shape[1:])
    longer = np.full(shape, fill, column.dtype) if fill else np.zeros(shape, column.dtype)  # zeros take no memory until they are written
    longer[: len(column)] = column
    return longer
