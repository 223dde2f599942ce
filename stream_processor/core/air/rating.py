"""What an index says of one or many hours: the value, which pollutant it comes from, and every pollutant's own index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.air.staircase import NO_DATA, Floats, Ints


@dataclass(frozen=True, slots=True)
class Rating:
    """Arrays of one shape. `value` is the index (NO_DATA: unknown), `dominant` the position in `pollutants` it comes from (-1: none).

    `sub` holds each pollutant's own index, shape (pollutants, ...); `method` names the standard and every choice that was made.
    """

    method: str
    pollutants: tuple[str, ...]
    value: Ints
    dominant: NDArray[np.int8]
    sub: Ints

    def named(self) -> list[str]:
        """The dominant pollutant of each value, flat; empty where there is none."""
        return [self.pollutants[k] if k >= 0 else "" for k in self.dominant.ravel().tolist()]

    @property
    def completeness(self) -> Floats:
        """Share of the pollutants whose index is known, 0..1."""
        return np.asarray(np.mean(self.sub != NO_DATA, axis=0), np.float64)


def worst(method: str, sub: Mapping[str, Ints], unrounded: Mapping[str, Floats] | None = None) -> Rating:
    """The largest of the pollutants' indices. Of equal ones the larger before rounding dominates, then the one named first."""
    names = tuple(sub)
    rows = np.stack([np.atleast_1d(sub[name]) for name in names])
    value = rows.max(axis=0)
    finer = rows.astype(np.float64)
    if unrounded is not None:
        fine = np.stack([np.atleast_1d(unrounded[name]) for name in names])
        finer = np.where(rows == value, np.nan_to_num(fine, nan=NO_DATA), -2.0)
    dominant = np.where(value == NO_DATA, -1, finer.argmax(axis=0))
    return Rating(method, names, value.astype(np.int32), dominant.astype(np.int8), rows.astype(np.int32))


def unless(rating: Rating, known: NDArray[np.bool_]) -> Rating:
    """The rating where `known` holds; elsewhere the value is unknown, the pollutants' own indices stay."""
    value = np.where(known, rating.value, NO_DATA).astype(np.int32)
    dominant = np.where(value == NO_DATA, -1, rating.dominant).astype(np.int8)
    return Rating(rating.method, rating.pollutants, value, dominant, rating.sub)
