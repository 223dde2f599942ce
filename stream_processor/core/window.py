"""Sliding windows of many subjects at once: one row of state each, a mean, a jump against its own past, and hysteresis over both.

A row keeps the last `slots` slots of event time with one value each. Per value: older than the window is *late*, a slot that is filled is
a *duplicate*; both are counted and change nothing. Otherwise slots that the newest one pushed out leave, the value enters, and::

    mean = sum / count            over the filled slots
    z    = (value - mu) / sqrt(var), 0 before `warm_up` values; mu and var as they were before this value
    mu, var: exponentially weighted with `alpha`
    opens  when (mean >= open_mean and count >= open_count) or (z >= open_z and value >= open_value)
    closes when mean < close_mean and z < close_z

What comes out depends on each row's own order only, never on how batches are cut. Three kernels give the same bytes: plain Python (the
oracle of the tests), numpy, and numba when it is installed (`pip install saola-city[fast]`). Sums are carried, never taken again: leavers
are subtracted oldest first, then the value is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from city_model.settings import between

NEVER = -(2**62)
"""The newest slot of a row that has seen nothing."""


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """One rule. `slots` x `slot_s` is the window; `open_*` and `close_*` in the unit of the values, z in standard deviations."""

    slot_s: int = between(1, 86_400, default=60)
    slots: int = between(2, 64, default=60)
    alpha: float = between(0.0001, 1, default=0.05)
    warm_up: int = between(1, 10_000, default=30)
    open_mean: float = between(-1e9, 1e9, default=60.0)
    open_count: int = between(1, 64, default=15)
    open_z: float = between(0, 1000, default=6.0)
    open_value: float = between(-1e9, 1e9, default=50.0)
    close_mean: float = between(-1e9, 1e9, default=50.0)
    close_z: float = between(0, 1000, default=3.0)

    def check(self) -> Iterator[tuple[str, str, str]]:
        """Opening and closing must exclude each other."""
        if self.close_mean > self.open_mean:
            yield "close_mean", str(self.close_mean), f"at most open_mean ({self.open_mean})"
        if self.close_z > self.open_z:
            yield "close_z", str(self.close_z), f"at most open_z ({self.open_z})"


_FIELDS = 8
"""Words of a row's record: one cache line of 64 bytes."""


@dataclass(slots=True)
class WindowState:
    """Rows of state: `ring` (rows, slots), where empty slots hold 0.0 and a zero bit in `filled`, and `cells` (rows, 8), a record of eight
    words for each row. The other arrays, shape (rows,), are views of its columns: what belongs to one device lies together."""

    ring: NDArray[np.float64]
    cells: NDArray[np.float64]
    total: NDArray[np.float64] = field(init=False)
    mu: NDArray[np.float64] = field(init=False)
    var: NDArray[np.float64] = field(init=False)
    newest: NDArray[np.int64] = field(init=False)
    count: NDArray[np.int64] = field(init=False)
    seen: NDArray[np.int64] = field(init=False)
    filled: NDArray[np.uint64] = field(init=False)
    is_open: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        whole = self.cells.view(np.int64)
        self.total, self.mu, self.var = self.cells[:, 0], self.cells[:, 1], self.cells[:, 2]
        self.newest, self.count, self.seen = whole[:, 3], whole[:, 4], whole[:, 5]
        self.filled = self.cells.view(np.uint64)[:, 6]
        self.is_open = self.cells.view(np.bool_)[:, 8 * 7]  # the lowest byte of the last word

    @classmethod
    def empty(cls, rows: int, slots: int) -> WindowState:
        """Rows that have seen nothing."""
        state = cls(np.zeros((rows, slots)), np.zeros((rows, _FIELDS)))
        state.newest[:] = NEVER
        return state


@dataclass(frozen=True, slots=True)
class Changes:
    """What opened and closed, in the order of rows and within a row of time; all arrays of one length.

    `position` is the index into the batch; `mean` the window's mean after that value, `z` its jump.
    """

    position: NDArray[np.int64]
    opened: NDArray[np.bool_]
    mean: NDArray[np.float64]
    count: NDArray[np.int64]
    z: NDArray[np.float64]


class Kernel(Protocol):
    """Moves `state` on by a batch in order of arrival; returns what changed, and how many were late and duplicate."""

    def __call__(
        self, state: WindowState, rule: WindowSettings, row: NDArray[np.int32], slot: NDArray[np.int64], value: NDArray[np.float64]
    ) -> tuple[Changes, int, int]: ...


class Windows:
    """The windows of all subjects under one rule. Rows are numbered from 0 by the caller; they come to be when they are first named."""

    def __init__(self, rule: WindowSettings, kernel: Kernel | None = None) -> None:
        self._rule = rule
        self._slot_ms = rule.slot_s * 1000
        self._kernel = kernel or best_kernel()
        self._state = WindowState.empty(0, rule.slots)
        self.late = 0
        self.duplicates = 0

    def take(self, row: NDArray[np.int32], at_ms: NDArray[np.int64], value: NDArray[np.float64]) -> Changes:
        """Move on by values in the order of their arrival. Arrays of shape (n,); `row` says whose each is."""
        if len(row) and (most := int(row.max())) >= len(self._state.total):
            self._grow(most + 1)
        changes, late, duplicates = self._kernel(self._state, self._rule, row, at_ms // self._slot_ms, value)
        self.late += late
        self.duplicates += duplicates
        return changes

    def _grow(self, rows: int) -> None:
        old = len(self._state.total)
        grown = WindowState.empty(max(rows, 2 * old, 64), self._rule.slots)
        grown.ring[:old], grown.cells[:old] = self._state.ring, self._state.cells
        self._state = grown

    def snapshot(self) -> dict[str, Any]:
        """All rows as bytes."""
        ring, cells = self._state.ring.tobytes(), self._state.cells.tobytes()
        return {"late": self.late, "duplicates": self.duplicates, "rows": len(self._state.total), "ring": ring, "cells": cells}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly from `snapshot()`: no row is touched one by one."""
        fresh = WindowState.empty(state["rows"], self._rule.slots)
        fresh.ring.reshape(-1)[:] = np.frombuffer(state["ring"])
        fresh.cells.reshape(-1)[:] = np.frombuffer(state["cells"])
        self._state, self.late, self.duplicates = fresh, state["late"], state["duplicates"]


def best_kernel() -> Kernel:
    """The compiled kernel where numba is installed, the numpy kernel otherwise."""
    from stream_processor.core.window_compiled import compiled_kernel
    from stream_processor.core.window_numpy import take as numpy_kernel

    return compiled_kernel() or numpy_kernel
