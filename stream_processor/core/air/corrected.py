"""Means of hours and days with corrected PM2.5, out of the same exact sums as everything that judges whole hours.

So a corrected value comes out the same whatever the order of arrival, and is made anew when particles or humidity come late.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.air.hours import HourlySums, Indices
from stream_processor.core.air.staircase import Floats
from stream_processor.core.sensors.corrections import INPUTS, Corrections

_LEAST_OF_DAY = 18
"""Hours that a mean of a day needs, of 24: three quarters, as the limits of QCVN 05:2023 count."""


def hourly(sums: HourlySums, rows: Indices, last_hours: Indices, span: int, corrections: Corrections) -> Floats:
    """Corrected means of the `span` hours that end with `last_hours`, shape (n, span), NaN where unknown or not corrected.

    `sums` must hold the planes of `corrections.QUANTITIES`.
    """
    means, _ = sums.means(rows, last_hours, span + 1)  # one more in front, for models that look back
    inputs = {name: means[sums.quantities.index(quantity)] for name, quantity in INPUTS.items()}
    flat = {name: column[:, 1:].ravel() for name, column in inputs.items()}
    flat["pm_before"] = inputs["pm"][:, :-1].ravel()
    hours = last_hours[:, None] + np.arange(1 - span, 1)
    flat["day_of_year"] = _day_of_year(hours // 24).ravel()
    return corrections.hourly(list(sums.stations), np.repeat(rows, span), flat).reshape(len(rows), span)


def daily(sums: HourlySums, rows: Indices, last_hours: Indices, corrections: Corrections) -> Floats:
    """Corrected means of the days that end with `last_hours`, shape (n,), NaN where less than 18 hours of an input are there."""
    means, _ = sums.means(rows, last_hours, 24)
    inputs = {name: _mean_of_day(means[sums.quantities.index(quantity)]) for name, quantity in INPUTS.items()}
    inputs["day_of_year"] = _day_of_year(last_hours // 24)
    return corrections.daily(list(sums.stations), rows, inputs)


def in_place_of_raw(sums: HourlySums, rows: Indices, last_hours: Indices, means: Floats, corrections: Corrections) -> Floats:
    """`means` (quantities, n, span) as `sums.means` gives them, PM2.5 of stations with an hourly model replaced by the corrected one."""
    corrected_ones = corrections.devices("hour")
    stations = list(sums.stations)
    mine = np.array([stations[row] in corrected_ones for row in rows.tolist()], np.bool_)
    if not mine.any():
        return means
    means = means.copy()
    means[sums.quantities.index("pm25"), mine] = hourly(sums, rows[mine], last_hours[mine], means.shape[-1], corrections)
    return means


def _mean_of_day(hours: Floats) -> Floats:
    there = ~np.isnan(hours)
    count = there.sum(axis=-1)
    total = np.where(there, hours, 0.0)
    mean = np.zeros(len(hours))
    for k in range(hours.shape[-1]):  # one hour after the other: no mean depends on how many are worked out at once
        mean = mean + total[:, k]
    return np.where(count >= _LEAST_OF_DAY, mean / np.maximum(count, 1), np.nan)


def _day_of_year(days: NDArray[np.int64]) -> Floats:
    dates = days.astype("datetime64[D]")
    return np.asarray((dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1, np.float64)
