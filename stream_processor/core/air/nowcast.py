"""NowCast: what an hour's particle concentration stands for, from the last twelve hourly means, the newest counting most.

    w* = Cmin / Cmax of the hours that are there;  w = max(w*, 1/2);  c1 is the newest hour
    NowCast = sum of w^(i-1) c_i / sum of w^(i-1),  a missing hour weighing nothing;  unknown unless two of the newest three hours are there

That is US EPA's formula and the first of two printed in Decision 1459/QĐ-TCMT, which for w = 1/2 prints sum of (1/2)^i c_i instead, without
dividing. With all twelve hours the two differ by 1 in 4096. With missing hours they part: 100, -, 30, 20, -, 15, then 10 six times gives
77.1 or 55.4, indices of 145 and 109. `normalised` (ours by default, what the published feed and EPA do) always divides; `literal` follows
the print.

>>> hours = [10.0] * 6 + [15.0, float("nan"), 20.0, 30.0, float("nan"), 100.0]
>>> round(float(pm(hours)[-1]), 2), round(float(pm(hours, "literal")[-1]), 2)
(77.09, 55.39)
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from stream_processor.core.air.staircase import Exact, Floats, decimal

Reading = Literal["normalised", "literal"]
"""Which of the two printed formulas holds for w = 1/2."""
HOURS = 12
_NEWEST, _NEEDED = 3, 2


def pm(hourly: ArrayLike, reading: Reading = "normalised") -> Floats:
    """NowCast of PM2.5 or PM10 at every hour. Hours run along the last axis, oldest first; NaN is a missing hour. Shape as given."""
    return _nowcast(np.asarray(hourly, np.float64), HOURS, 0.5, reading)


def ozone(hourly: ArrayLike) -> Floats:
    """The eight-hour variant for ozone: no floor under w. (AirNow itself has used a regression for ozone since 2013.)"""
    return _nowcast(np.asarray(hourly, np.float64), 8, 0.0, "normalised")


def _nowcast(hourly: Floats, hours: int, floor: float, reading: Reading) -> Floats:
    known = ~np.isnan(hourly)
    low, high = _extremes(hourly, hours)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(low == high, 1.0, low / high)
        weight = np.clip(ratio, floor, 1.0)  # hours below zero, as some instruments report, leave it within its bounds
    total, weights, power = np.zeros_like(hourly), np.zeros_like(hourly), np.ones_like(hourly)
    for lag in range(min(hours, hourly.shape[-1])):
        here = (..., slice(lag, None))
        there = (..., slice(0, hourly.shape[-1] - lag))
        total[here] += np.where(known[there], power[here] * hourly[there], 0.0)
        weights[here] += np.where(known[there], power[here], 0.0)
        power *= weight
    with np.errstate(invalid="ignore", divide="ignore"):
        result = total / weights
    result = np.where(low == high, low, result)  # equal hours: that value itself, to the last digit
    if reading == "literal":
        result = np.where(weight == 0.5, total / 2, result)
    return np.where(_is_known(known), result, np.nan)


def _extremes(hourly: Floats, hours: int) -> tuple[Floats, Floats]:
    """Smallest and largest of the last `hours`, missing ones left out."""
    low, high = hourly.copy(), hourly.copy()
    for lag in range(1, min(hours, hourly.shape[-1])):
        past = hourly[..., : hourly.shape[-1] - lag]
        np.fmin(low[..., lag:], past, out=low[..., lag:])
        np.fmax(high[..., lag:], past, out=high[..., lag:])
    return low, high


def _is_known(known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    count = known.astype(np.int8)
    for lag in range(1, min(_NEWEST, known.shape[-1])):
        count[..., lag:] += known[..., : known.shape[-1] - lag]
    return np.asarray(count >= _NEEDED)


def pm_exactly(newest_first: Sequence[float], reading: Reading = "normalised") -> Fraction:
    """The same of one window (NaN: missing), as a fraction, without any rounding. At least one hour must be there."""
    hours = [(i, decimal(c)) for i, c in enumerate(newest_first[:HOURS]) if c == c]
    low, high = min(c for _, c in hours), max(c for _, c in hours)
    half = Fraction(1, 2)
    w = Fraction(1) if low == high else min(max(low / high, half), Fraction(1)) if high else half
    total = sum((w**i * c for i, c in hours), Fraction(0))
    if reading == "literal" and w == half:
        return total / 2
    return total / sum(w**i for i, _ in hours)


def exact_pm(hourly: Floats, reading: Reading) -> Exact:
    """What `pm(hourly, reading)` exactly is, by flat position."""
    hours = hourly.shape[-1]
    rows = hourly.reshape(-1, hours)

    def exactly(position: int) -> Fraction:
        row, at = divmod(position, hours)
        return pm_exactly(rows[row, max(at - HOURS + 1, 0) : at + 1][::-1].tolist(), reading)

    return exactly
