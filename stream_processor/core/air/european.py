"""The European Air Quality Index, as revised in 2024: hourly means put into six levels, the worst pollutant's level counting. ug/m3.

A value on an edge stays in the lower level. There is nothing between two levels, so `value` is the level, 1 (Good) to 6 (Extremely poor).

>>> hourly({"pm25": [5.0, 5.1], "o3": [100.0, 170.0]}).value.tolist()
[2, 5]
"""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import ArrayLike

from stream_processor.core.air.rating import Rating, worst
from stream_processor.core.air.staircase import Ints
from stream_processor.core.air.standards import Band, Category, band_standard, level_of
from stream_processor.core.air.steps import levels

TABLE = band_standard("european_2024")
_BANDS: dict[str, Band] = {band.quantity: band for band in TABLE.band}
POLLUTANTS = tuple(_BANDS)


def level(index: float) -> Category:
    """Name and colour of a level."""
    return level_of(TABLE.category, index)


def band(quantity: str, concentration: ArrayLike) -> Ints:
    """Level of each hourly mean, NO_DATA where it is missing. Raises KeyError for a quantity that is not rated."""
    return levels(_BANDS[quantity]).at(concentration)


def hourly(means: Mapping[str, ArrayLike]) -> Rating:
    """Level of every hour, by the quantities that are there; arrays of one shape."""
    return worst(f"{TABLE.name} 2024", {name: band(name, means[name]) for name in POLLUTANTS if name in means})
