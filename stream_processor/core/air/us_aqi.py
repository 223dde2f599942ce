"""US EPA's AQI: 40 CFR Part 58 Appendix G as of 6 May 2024, and PM2.5 as it was before, for comparison.

A concentration is truncated (not rounded) to the pollutant's digits, then put on its segment and rounded, a half going up. Units are EPA's
own: ug/m3 for particles, ppm for O3 and CO, ppb for SO2 and NO2; `city_model.gases` converts. Above the table EPA lets the index run on:
so does `above="extend"`, the default; `"cap"` ends at 500.

>>> index("pm25_24h", [9.05, 9.1, 55.5]).tolist()
[50, 51, 151]
>>> hours = [34.9, 43, 50, 64.9, 69.2, 66.2, 53.7, 48.6, 49.2, 35, float("nan"), 21]
>>> int(hourly({"pm25": hours}).value[-1])
87
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from stream_processor.core.air import nowcast
from stream_processor.core.air.rating import Rating, worst
from stream_processor.core.air.staircase import Exact, Ints
from stream_processor.core.air.standards import Category, Standard, standard
from stream_processor.core.air.steps import extended, segmented

Edition = Literal["2024", "2012"]
TABLE = standard("us_aqi_2024")


def table(edition: Edition = "2024") -> Standard:
    """The breakpoints of an edition; that of 2012 has only PM2.5."""
    return TABLE if edition == "2024" else standard("us_aqi_2012")


def level(index: float) -> Category:
    """Name and colour of an index; above 500 the last."""
    return TABLE.level(index)


def index(
    pollutant: str, concentration: ArrayLike, *, edition: Edition = "2024", above: Literal["extend", "cap"] = "extend",
    exact: Exact | None = None,
) -> Ints:  # fmt: skip
    """Index of each concentration, NO_DATA where there is none.

    `pollutant`: pm25_24h, pm10_24h, o3_8h, o3_1h, co_8h, so2_1h, so2_24h, no2_1h. O3 of 8 hours above 0.200 ppm has no index, nor O3 of
    1 hour below 0.125, nor SO2 of 24 hours below 305; SO2 of 1 hour ends at 200. `exact`: see `Staircase.at`. Raises KeyError for another
    pollutant.
    """
    row = table(edition).of(pollutant)
    values = np.asarray(concentration, np.float64)
    found = segmented(row).at(values, exact)
    if row.above != "extend" or above == "cap":
        return found
    top = row.index_high[-1]
    return extended(row, values, found, exact) if found.size and int(found.max()) >= top else found


def combined(concentrations: Mapping[str, ArrayLike], *, above: Literal["extend", "cap"] = "extend") -> Rating:
    """The largest index of several pollutants, named as in `index`; arrays of one shape."""
    return worst(f"{TABLE.name} 2024", {name: index(name, values, above=above) for name, values in concentrations.items()})


def hourly(means: Mapping[str, ArrayLike], *, edition: Edition = "2024", above: Literal["extend", "cap"] = "extend") -> Rating:
    """NowCast AQI of every hour, from hourly means of `pm25` and `pm10` (ug/m3, oldest first, NaN missing); one shape."""
    sub = {}
    for name in (name for name in ("pm25", "pm10") if name in means and (name == "pm25" or edition == "2024")):
        hours = np.atleast_1d(np.asarray(means[name], np.float64))
        exact = nowcast.exact_pm(hours, "normalised")
        sub[name] = index(f"{name}_24h", nowcast.pm(hours), edition=edition, above=above, exact=exact)
    return worst(f"{TABLE.name} {edition}, NowCast normalised", sub)
