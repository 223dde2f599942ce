"""Limits of ambient air as dated data: which regulation, which averaging period, since when; and means formed as they must be for it.

A limit has an averaging period: a single value above the figure exceeds nothing.

>>> from datetime import date
>>> in_force("qcvn_05_2023", "pm25", "24h", date(2025, 12, 31)), in_force("qcvn_05_2023", "pm25", "24h", date(2026, 1, 1))
(50.0, 45.0)
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import ArrayLike

from city_model.settings import load
from stream_processor.core.air.staircase import Floats
from stream_processor.core.air.standards import TABLES

REGULATIONS = ("qcvn_05_2023", "who_2021")


@dataclass(frozen=True, slots=True)
class Limit:
    """One figure and its history: (since, ug/m3) in order of date."""

    quantity: str
    average: str
    values: tuple[tuple[str, float], ...]

    def at(self, day: date) -> float | None:
        """The value in force on `day`; None before the first."""
        in_time = [value for since, value in self.values if since <= day.isoformat()]
        return in_time[-1] if in_time else None


@dataclass(frozen=True, slots=True)
class Period:
    """An averaging period in hours, and how many of them must be there."""

    hours: int
    min_hours: int


@dataclass(frozen=True, slots=True)
class Regulation:
    """A list of limits with their source."""

    name: str
    source: str
    valid_from: date
    limit: tuple[Limit, ...]
    period: dict[str, Period]
    replaces: str = ""

    def check(self) -> Iterator[tuple[str, str, str]]:
        for limit in self.limit:
            if limit.average not in self.period:
                yield f"limit.{limit.quantity}.average", repr(limit.average), "one of " + ", ".join(self.period)
            if [since for since, _ in limit.values] != sorted(since for since, _ in limit.values):
                yield f"limit.{limit.quantity}.values", "out of order", "dates in ascending order"

    def of(self, quantity: str, average: str) -> Limit | None:
        """The limit of a quantity for an averaging period ("1h", "8h", "24h", "year"); None where the text has none."""
        return next((limit for limit in self.limit if (limit.quantity, limit.average) == (quantity, average)), None)


@functools.cache
def regulation(name: str) -> Regulation:
    """`qcvn_05_2023` or `who_2021`."""
    return load(Regulation, TABLES / f"{name}.toml")


def in_force(name: str, quantity: str, average: str, day: date) -> float | None:
    """The limit in ug/m3 on a local day; None where the text has none."""
    limit = regulation(name).of(quantity, average)
    return None if limit is None else limit.at(day)


def averages(hourly: ArrayLike, period: Period) -> Floats:
    """Mean of the period that ends with each hour (last axis, oldest first, NaN missing); NaN where too few hours are there."""
    hours = np.asarray(hourly, np.float64)
    known = ~np.isnan(hours)
    total = _window_sums(np.where(known, hours, 0.0), period.hours)
    count = _window_sums(known.astype(np.float64), period.hours)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= period.min_hours, total / count, np.nan)


def _window_sums(values: Floats, hours: int) -> Floats:
    """Sums of the last `hours`: few are added up anew for each place, so that nothing is carried along; a year by running sums."""
    if hours <= 24:
        total = np.zeros_like(values)
        for lag in range(min(hours, values.shape[-1])):
            total[..., lag:] += values[..., : values.shape[-1] - lag]
        return total
    running = np.cumsum(values, axis=-1)
    total = running.copy()
    total[..., hours:] -= running[..., :-hours]
    return np.asarray(total, np.float64)
