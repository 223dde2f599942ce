"""The staircases of the tables: where each step of a pollutant's rounded index begins."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from fractions import Fraction
from math import floor, nextafter

import numpy as np
from numpy.typing import ArrayLike

from stream_processor.core.air.staircase import NO_DATA, Exact, Floats, Ints, Staircase, decimal
from stream_processor.core.air.standards import Band, Pollutant

_SEVERE = 500
_HALF = Fraction(1, 2)


def unrounded(pollutant: Pollutant, concentration: ArrayLike) -> Floats:
    """The index of a continuous table before rounding, shape as given; NaN where there is none. Below zero counts as zero."""
    values = np.asarray(concentration, np.float64)
    index = np.interp(values, pollutant.concentration, np.asarray(pollutant.index, np.float64))
    if pollutant.above in ("none", "severe"):
        index = np.where(values > pollutant.concentration[-1], np.nan if pollutant.above == "none" else _SEVERE, index)
    return np.asarray(index, np.float64)


@functools.cache
def continuous(pollutant: Pollutant) -> Staircase:
    """Of a table whose breakpoints share their edges: the index rounded, a half going up."""
    return Staircase([(Fraction(0), 0), *_halves(pollutant), *_beyond(pollutant)])


def _halves(pollutant: Pollutant) -> Iterator[tuple[Fraction, int]]:
    """For each whole index, the concentration at which the line reaches half an index less."""
    edges = list(map(decimal, pollutant.concentration))
    for low, high, below, above in zip(edges, edges[1:], pollutant.index, pollutant.index[1:], strict=False):
        for value in range(below + 1, above + 1):
            yield low + (value - _HALF - below) * (high - low) / (above - below), value


def _beyond(pollutant: Pollutant) -> Iterator[tuple[Fraction, int]]:
    if pollutant.above in ("none", "severe"):
        yield Fraction(nextafter(pollutant.concentration[-1], np.inf)), NO_DATA if pollutant.above == "none" else _SEVERE


@functools.cache
def segmented(pollutant: Pollutant) -> Staircase:
    """Of a table with gaps between its segments: the concentration truncated to `decimals`, the index rounded, a half going up."""
    units = 10**pollutant.decimals
    steps: list[tuple[Fraction, int]] = []
    for low, high, below, above in zip(pollutant.low, pollutant.high, pollutant.index_low, pollutant.index_high, strict=True):
        first, last = round(decimal(low) * units), round(decimal(high) * units)
        for k in range(first, last + 1):
            value = floor(below + Fraction((above - below) * (k - first), last - first) + _HALF)
            if not steps or steps[-1][1] != value:
                steps.append((Fraction(k, units), value))
    if pollutant.above == "none":
        steps.append((decimal(pollutant.high[-1]) + Fraction(1, units), NO_DATA))
    return Staircase(steps, units)


def extended(pollutant: Pollutant, concentration: Floats, index: Ints, exact: Exact | None = None) -> Ints:
    """`index` of a segmented table, with its last segment continued above the table."""
    units = 10**pollutant.decimals
    low, high = round(decimal(pollutant.low[-1]) * units), round(decimal(pollutant.high[-1]) * units)
    run, rise = high - low, pollutant.index_high[-1] - pollutant.index_low[-1]
    out = index.copy()
    for i in np.flatnonzero(concentration >= float(Fraction(high + 1, units))).tolist():
        value = exact(i) if exact is not None else decimal(concentration.ravel()[i])
        out.ravel()[i] = floor(pollutant.index_low[-1] + Fraction(rise * (floor(value * units) - low), run) + _HALF)
    return out


@functools.cache
def levels(band: Band) -> Staircase:
    """Of an index that is only a level, 1 and up: a value on an edge stays below it."""
    return Staircase([(Fraction(0), 1), *((Fraction(nextafter(edge, np.inf)), k + 2) for k, edge in enumerate(band.edges))])
