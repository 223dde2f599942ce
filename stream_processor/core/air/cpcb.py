"""India's National Air Quality Index (CPCB, 2014): daily, the largest of at least three pollutants' indices, one of them PM2.5 or PM10.

Means of 24 hours in ug/m3 (PM2.5, PM10, NO2, SO2, NH3, Pb), the day's largest 8-hour mean of O3 in ug/m3 and of CO in mg/m3. At least 16
of 24 hours must be there for a mean: that is for whoever forms it.

>>> combined({"pm25": [45.0], "no2": [100.0], "co": [1.5]}).value.tolist()
[120]
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from stream_processor.core.air.rating import Rating, unless, worst
from stream_processor.core.air.staircase import NO_DATA, Floats, Ints
from stream_processor.core.air.standards import Category, standard
from stream_processor.core.air.steps import continuous, unrounded

TABLE = standard("cpcb_2014")
POLLUTANTS = tuple(row.name for row in TABLE.pollutant)
MIN_POLLUTANTS = 3
MIN_HOURS = 16


def level(index: float) -> Category:
    """Name and colour of an index."""
    return TABLE.level(index)


def sub_index(pollutant: str, concentration: ArrayLike) -> Floats:
    """One pollutant's index before rounding; NaN where it is missing."""
    return unrounded(TABLE.of(pollutant), concentration)


def rounded_sub_index(pollutant: str, concentration: ArrayLike) -> Ints:
    """The same as whole numbers, a half going up; NO_DATA where it is missing."""
    return continuous(TABLE.of(pollutant)).at(concentration)


def combined(concentrations: Mapping[str, ArrayLike]) -> Rating:
    """Index of each day; arrays of one shape. Unknown with fewer than three pollutants, or without PM2.5 and PM10."""
    names = [name for name in POLLUTANTS if name in concentrations]
    sub = {name: np.atleast_1d(rounded_sub_index(name, concentrations[name])) for name in names}
    rating = worst(TABLE.name, sub, {name: sub_index(name, concentrations[name]) for name in names})
    there = rating.sub != NO_DATA
    particles = np.zeros(rating.value.shape, bool)
    for name in {"pm25", "pm10"} & set(names):
        particles |= there[names.index(name)]
    return unless(rating, particles & (there.sum(axis=0) >= MIN_POLLUTANTS))
