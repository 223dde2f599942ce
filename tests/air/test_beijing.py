"""Six real stations over four years, gaps and all: every hour and every day equal to decimal arithmetic."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from stream_processor.core.air import european, nowcast, us_aqi, vn_aqi
from stream_processor.core.air.staircase import NO_DATA
from tests.air.data import Station, needs_data, station, station_files
from tests.air.oracle import Value, half_up, us_pm25, vn_hourly, vn_index, vn_rounded
from tests.air.oracle import european as european_exactly
from tests.air.oracle import nowcast as nowcast_exactly

pytestmark = needs_data
PM, GASES = ("pm25", "pm10"), ("o3", "no2", "so2", "co")


@pytest.fixture(scope="module", params=station_files(), ids=lambda path: path.name.split("_")[2])
def beijing(request: pytest.FixtureRequest) -> Station:
    path: Path = request.param
    return station(path)


def windows(hours: list[Value]) -> Iterator[list[Value]]:
    """The last twelve hours at every hour, newest first."""
    last: deque[Value] = deque(maxlen=12)
    for c in hours:
        last.appendleft(c)
        yield list(last)


def test_every_hour_in_both_readings_of_the_decision_and_by_epa(beijing: Station) -> None:
    casts = {name: [nowcast_exactly(w) for w in windows(beijing.decimals[name])] for name in PM}
    for k, reading in enumerate(("normalised", "literal")):
        rating = vn_aqi.hourly(beijing.floats, reading)  # type: ignore[arg-type]  # one of the two
        expected = [
            vn_hourly({name: casts[name][i][k] for name in PM}, {name: beijing.decimals[name][i] for name in GASES})
            for i in range(len(rating.value))
        ]
        assert rating.value.tolist() == [NO_DATA if e is None else e[0] for e in expected]
        assert rating.named() == ["" if e is None else e[1] for e in expected]
        for name in PM:
            assert rating.sub[rating.pollutants.index(name)].tolist() == [_or_none(vn_rounded(name, c[k])) for c in casts[name]]
    exact = [c[0] for c in casts["pm25"]]
    assert us_aqi.hourly({"pm25": beijing.floats["pm25"]}).value.tolist() == [NO_DATA if c is None else us_pm25(c) for c in exact]
    there = np.array([c is not None for c in exact])
    computed = nowcast.pm(beijing.floats["pm25"])
    assert (np.isnan(computed) == ~there).all()
    np.testing.assert_allclose(computed[there], [float(c) for c in exact if c is not None], rtol=1e-13)


def test_every_day(beijing: Station) -> None:
    """The days 01:00 … 00:00 of the decision: from the second hour of the recording on."""
    days = (len(beijing.decimals["pm25"]) - 1) // 24
    floats = {name: column[1 : 1 + 24 * days].reshape(days, 24) for name, column in beijing.floats.items()}
    padded = np.concatenate([np.full(6, np.nan), beijing.floats["o3"]])  # seven hours before 01:00
    floats["o3"] = np.stack([padded[24 * day : 24 * day + 31] for day in range(days)])
    rating = vn_aqi.daily(floats)
    assert rating.value.tolist() == [_or_none(day_exactly(beijing, day)) for day in range(days)]


def test_every_hour_of_the_european_index(beijing: Station) -> None:
    rating = european.hourly(beijing.floats)
    rows = zip(*(beijing.decimals[name] for name in rating.pollutants), strict=True)
    levels = [
        max((european_exactly(name, c) for name, c in zip(rating.pollutants, row, strict=True) if c is not None), default=NO_DATA)
        for row in rows
    ]
    assert rating.value.tolist() == levels


def day_exactly(beijing: Station, day: int) -> int | None:
    found: list[Value] = []
    first = 1 + 24 * day
    for name, hours in beijing.decimals.items():
        there = [c for c in hours[first : first + 24] if c is not None]
        if name in PM:
            found.append(vn_index(name, sum(there, Decimal(0)) / len(there) if len(there) >= 18 else None))
        elif there:
            found.append(vn_index("o3_1h" if name == "o3" else name, max(there)))
    if all(index is None for index in found[:2]):  # no particles
        return None
    eights = [_mean_of_eight(beijing.decimals["o3"][max(end - 7, 0) : end + 1]) for end in range(first, first + 24)]
    found.append(vn_index("o3_8h", max((c for c in eights if c is not None), default=None)))
    return max(half_up(index) for index in found if index is not None)


def _mean_of_eight(hours: list[Value]) -> Value:
    there = [c for c in hours if c is not None]
    return sum(there, Decimal(0)) / len(there) if len(there) >= 6 else None


def _or_none(index: int | None) -> int:
    return NO_DATA if index is None else index
