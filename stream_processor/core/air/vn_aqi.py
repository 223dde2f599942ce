"""VN_AQI, hourly and daily: Decision 1459/QĐ-TCMT of 12 November 2019. Concentrations in ug/m3.

Hourly: the hour's mean of O3, NO2, SO2 and CO, and the NowCast of PM2.5 and PM10. Daily: the 24-hour mean of PM2.5 and PM10, the day's
largest 1-hour mean of O3, NO2, SO2 and CO, and the day's largest 8-hour mean of O3 unless that is above 400. The index is the largest of
the pollutants', a whole number (half goes up), at most 500. Without PM2.5 or PM10 there is none.

>>> rating = daily({"o3": [114.6] * 24, "no2": [130.8] * 24, "pm25": [55.7] * 24})
>>> rating.value.tolist(), rating.named(), level(110).vi
([110], ['pm25'], 'Kém')
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from stream_processor.core.air import nowcast
from stream_processor.core.air.nowcast import Reading
from stream_processor.core.air.rating import Rating, unless, worst
from stream_processor.core.air.staircase import NO_DATA, Exact, Floats, Ints, decimal
from stream_processor.core.air.standards import Category, standard
from stream_processor.core.air.steps import continuous, unrounded

TABLE = standard("vn_aqi")
POLLUTANTS = ("pm25", "pm10", "o3", "no2", "so2", "co")
"""In the order of `Rating.pollutants`; the numbers of the series `vn_aqi_dominant` count from it."""
MIN_HOURS = 18  # of 24, for a mean of the day: the decision names no share; ours is 75 %
MIN_HOURS_OF_8 = 6
_PARTICLES = ("pm25", "pm10")
_O3_8H_BEFORE = 7  # hours of the day before that the first 8-hour mean reaches into


def level(index: float) -> Category:
    """Name and colour of an index."""
    return TABLE.level(index)


def sub_index(pollutant: str, concentration: ArrayLike) -> Floats:
    """One pollutant's index before rounding (`o3_1h`, `o3_8h`, `co`, `so2`, `no2`, `pm10`, `pm25`); NaN where there is none."""
    return unrounded(TABLE.of(pollutant), concentration)


def rounded_sub_index(pollutant: str, concentration: ArrayLike) -> Ints:
    """The same as whole numbers, a half going up; NO_DATA where there is none."""
    return continuous(TABLE.of(pollutant)).at(concentration)


def hourly(means: Mapping[str, ArrayLike], reading: Reading = "normalised") -> Rating:
    """Index of every hour. `means`: hourly means by quantity, hours along the last axis, oldest first, NaN missing; all of one shape.

    Quantities that are not given, or not rated, are left out. The first eleven hours are rated by the hours there are.
    """
    series = {name: np.atleast_1d(np.asarray(means[name], np.float64)) for name in POLLUTANTS if name in means}
    sub: dict[str, Ints] = {}
    fine: dict[str, Floats] = {}
    for name, hours in series.items():
        row = TABLE.of("o3_1h" if name == "o3" else name)
        exact = nowcast.exact_pm(hours, reading) if name in _PARTICLES else None
        concentration = nowcast.pm(hours, reading) if name in _PARTICLES else hours
        sub[name], fine[name] = continuous(row).at(concentration, exact), unrounded(row, concentration)
    return _rated(f"{TABLE.name} hourly, {TABLE.source.split(',')[0]}, NowCast {reading}", sub, fine)


def daily(means: Mapping[str, ArrayLike], *, min_hours: int = MIN_HOURS) -> Rating:
    """Index of days. `means`: hourly means by quantity, the 24 hours 01:00 … 00:00 along the last axis, NaN missing.

    O3 may bring 31 hours, the last seven of the day before in front, so that every 8-hour mean that ends in the day is there. `min_hours`
    of 24 must be there for a mean of the day; a largest value is that of the hours there are. Raises ValueError for other numbers of hours.
    """
    sub: dict[str, Ints] = {}
    fine: dict[str, Floats] = {}
    for name in (name for name in POLLUTANTS if name in means):
        hours = np.atleast_2d(np.asarray(means[name], np.float64))
        if hours.shape[-1] != 24 and (name, hours.shape[-1]) != ("o3", 24 + _O3_8H_BEFORE):
            raise ValueError(f"{name}: {hours.shape[-1]} hours; a day has 24 (o3: or 31, with seven of the day before)")
        if name in _PARTICLES:
            mean = _mean(hours, min_hours)
            row = TABLE.of(name)
            sub[name], fine[name] = continuous(row).at(mean, _exact_mean(hours)), unrounded(row, mean)
        else:
            largest = _largest(hours[..., -24:])
            row = TABLE.of("o3_1h" if name == "o3" else name)
            sub[name], fine[name] = continuous(row).at(largest), unrounded(row, largest)
        if name == "o3":
            eight = _largest(o3_8h(hours)[..., -24:])
            row = TABLE.of("o3_8h")
            sub[name] = np.maximum(sub[name], continuous(row).at(eight))
            fine[name] = np.fmax(fine[name], unrounded(row, eight))
    return _rated(f"{TABLE.name} daily, {TABLE.source.split(',')[0]}", sub, fine)


def combined(sub: Mapping[str, ArrayLike]) -> Rating:
    """The index of pollutants whose own indices are known (`rounded_sub_index`); arrays of one shape."""
    return _rated(f"{TABLE.name}, {TABLE.source.split(',')[0]}", {name: np.asarray(index, np.int32) for name, index in sub.items()}, None)


def o3_8h(hourly_o3: ArrayLike) -> Floats:
    """Mean of the eight hours that end with each hour (last axis, oldest first); NaN unless six of them are there."""
    hours = np.asarray(hourly_o3, np.float64)
    total, count = np.zeros_like(hours), np.zeros_like(hours)
    for lag in range(min(8, hours.shape[-1])):
        past = hours[..., : hours.shape[-1] - lag]
        total[..., lag:] += np.nan_to_num(past)
        count[..., lag:] += ~np.isnan(past)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= MIN_HOURS_OF_8, total / count, np.nan)


def _rated(method: str, sub: dict[str, Ints], fine: dict[str, Floats] | None) -> Rating:
    if not any(name in sub for name in _PARTICLES):
        raise ValueError("VN_AQI needs PM2.5 or PM10 among its quantities")
    rating = worst(method, sub, fine)
    known = np.zeros(rating.value.shape, bool)
    for name in _PARTICLES:
        if name in sub:
            known |= np.atleast_1d(sub[name]) != NO_DATA
    return unless(rating, known)


def _mean(hours: Floats, min_hours: int) -> Floats:
    known = ~np.isnan(hours)
    count = known.sum(axis=-1)
    total = np.where(known, hours, 0.0).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= max(min_hours, 1), total / count, np.nan)


def _exact_mean(hours: Floats) -> Exact:
    rows = hours.reshape(-1, hours.shape[-1])

    def exactly(position: int) -> Fraction:
        there = [decimal(c) for c in rows[position].tolist() if c == c]
        return sum(there, Fraction(0)) / len(there)

    return exactly


def _largest(hours: Floats) -> Floats:
    return np.asarray(np.fmax.reduce(hours, axis=-1), np.float64)
