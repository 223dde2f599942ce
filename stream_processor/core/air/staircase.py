"""From concentration to a whole-number index, exactly, at a few nanoseconds a value.

A rounded index is a staircase: it is enough to know at which concentration each step begins. Those places are worked out once, as
fractions; a value is then put into a cell of a grid (cells are powers of two, so this is exact) that holds one step at most, and compared
with that step. A float stands for the decimal it was written as: the float nearest to a step is the step.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Exact = Callable[[int], Fraction]
"""Flat position of a computed value → what it exactly is."""

NO_DATA = -1
"""In place of an index that is unknown."""
_BLOCK = 16_384  # values at a time: temporaries stay in the processor's cache
_CELLS_AT_MOST = 1 << 18
_ERROR = 1e-12  # relative: far above that of the few float operations behind a computed concentration


def decimal(value: float) -> Fraction:
    """The decimal that a float was written as."""
    return Fraction(Decimal(repr(float(value))))


class Staircase:
    """Steps `(from, value)` in ascending order: what is at or above `from`, and below the next step, has `value`.

    Below the first step, and for NaN, there is no index. Concentrations below zero count as zero.
    """

    def __init__(self, steps: Sequence[tuple[Fraction, int]], units: int = 0) -> None:
        """`units`: every step is a whole number of 1/units, so a cell of that size holds nothing but its left edge."""
        self._from = [start for start, _ in steps]
        self._values = [value for _, value in steps]
        if units:
            edges = [float(start * units) for start in self._from]
            self._per_unit = units * (1 + 2.0**-51)  # a product that falls an ulp short of a whole number reaches it
            cell = 1.0
        else:
            edges = [float(start) for start in self._from]
            cell = _cell_size(edges)
            self._per_unit = 1.0 / cell
        self._base, self._step, self._jump = _grid(edges, self._values, cell)
        self._has_steps = bool(np.isfinite(self._step).any())
        self._even = bool(np.isin(self._jump, (0, 1)).all())

    def at(self, concentration: ArrayLike, exact: Exact | None = None) -> Ints:
        """The index of each value, shape as given; NO_DATA where there is none.

        For computed concentrations `exact` tells what one exactly is: it is asked where a float's error could change the result.
        """
        values = np.asarray(concentration, np.float64)
        flat, out = np.ascontiguousarray(values).ravel(), np.empty(values.size, np.int32)
        room = _Room(min(values.size, _BLOCK))
        for start in range(0, values.size, _BLOCK):
            self._block(flat[start : start + _BLOCK], out[start : start + _BLOCK], room)
        if exact is not None:
            doubtful = np.flatnonzero(self.at(flat * (1 - _ERROR)) != self.at(flat * (1 + _ERROR)))
            out[doubtful] = [self.exactly(exact(i)) for i in doubtful.tolist()]
        return out.reshape(values.shape)

    def exactly(self, value: Fraction) -> int:
        """The index of one exact value."""
        k = bisect_right(self._from, max(value, Fraction(0)))
        return self._values[k - 1] if k else NO_DATA

    def _block(self, values: Floats, index: Ints, room: _Room) -> None:
        n = len(values)
        place, cell, over, jump = room.place[:n], room.cell[:n], room.over[:n], room.jump[:n]
        np.multiply(values, self._per_unit, out=place)
        np.maximum(place, 0.0, out=place)
        np.add(place, 1.0, out=place)
        with np.errstate(invalid="ignore"):
            cell[:] = place  # NaN and infinity become the smallest integer, which `clip` sends to the front
        self._base.take(cell, mode="clip", out=index)
        if not self._has_steps:
            return
        self._step.take(cell, mode="clip", out=place)
        np.greater_equal(values, place, out=over)
        if self._even:
            np.add(index, over, out=index)
        else:
            self._jump.take(cell, mode="clip", out=jump)
            np.multiply(jump, over, out=jump)
            np.add(index, jump, out=index)


class _Room:
    """Temporaries of one call."""

    def __init__(self, n: int) -> None:
        self.place, self.cell = np.empty(n), np.empty(n, np.int64)
        self.over, self.jump = np.empty(n, np.bool_), np.empty(n, np.int32)


def _grid(edges: Sequence[float], values: Sequence[int], cell: float) -> tuple[Ints, Floats, Ints]:
    """For each cell: the index at its left edge, where a step stands inside (infinity: nowhere), and how high it is.

    The first cell is in front of zero: what NaN becomes.
    """
    count = int(edges[-1] / cell) + 2
    base, step, jump = np.full(count, NO_DATA, np.int32), np.full(count, np.inf), np.zeros(count, np.int32)
    before = NO_DATA
    for edge, value in zip(edges, values, strict=True):
        k = int(edge / cell)
        base[k + 1 :] = value
        if edge == k * cell:
            base[k] = value
        else:
            step[k], jump[k] = edge, value - before
        before = value
    front = np.array([NO_DATA], np.int32)
    return np.concatenate([front, base]), np.concatenate([[np.nan], step]), np.concatenate([0 * front, jump])


def _cell_size(edges: Sequence[float]) -> float:
    """The largest power of two that puts no two steps into one cell."""
    cell = 1024.0
    while any(int(a / cell) == int(b / cell) for a, b in pairwise(edges)):
        cell /= 2
        if edges[-1] / cell > _CELLS_AT_MOST:
            raise ValueError("steps too close to each other for a table")
    return cell
