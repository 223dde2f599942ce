"""The air: the same for everybody who asks, plausible over a day, and smoke where the wind carries it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_model.codec import packed
from city_model.quantities import QUANTITIES, READINGS
from simulators.air import MINUTE_MS, RHYTHMS, AirModel, Floats, Minutes, Plume, Station, Wind, downwind_m

DAY_MS = 86_400_000
MIDNIGHT_MS = 1_773_075_600_000  # 2026-03-10 00:00 in Vietnam
ALL = tuple(sorted(READINGS & RHYTHMS.keys()))


def station(name: str, east_m: float, north_m: float, quantities: tuple[str, ...] = ("pm25", "pm10", "co", "no2")) -> Station:
    return Station(name, 10.95 + north_m / 111_320, 106.7 + east_m / (111_320 * np.cos(np.radians(10.95))), quantities, 25.0)


STATIONS = (
    station("near", -1000, 0), station("far", -4000, 0), station("beside", -1000, 1200), station("upwind", 1500, 0),
    station("whole", 20_000, 20_000, ALL),
)  # fmt: skip
NOON_MS = MIDNIGHT_MS + DAY_MS // 2
FIRE = Plume(10.95, 106.7, NOON_MS, NOON_MS + 90 * MINUTE_MS, 200.0)


def air(seed: int = 1, plumes: tuple[Plume, ...] = (FIRE,)) -> AirModel:
    return AirModel(seed, STATIONS, Wind(from_deg=90.0, speed_m_s=2.5), plumes)


def minutes(from_ms: int, number: int) -> Minutes:
    return from_ms // MINUTE_MS + np.arange(number, dtype=np.int64)


def rise(name: str) -> Floats:
    """PM2.5 with the fire less without it, for three hours from noon."""
    span = minutes(NOON_MS, 180)
    return air().values(name, "pm25", span) - air(plumes=()).values(name, "pm25", span)


def test_a_seed_gives_one_sky_and_another_seed_another() -> None:
    span = (MIDNIGHT_MS, MIDNIGHT_MS + 3_600_000)
    assert packed.encode(air().readings("near", *span)) == packed.encode(air().readings("near", *span))
    assert packed.encode(air().readings("near", *span)) != packed.encode(air(seed=2).readings("near", *span))


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 86_399), max_size=5, unique=True))
def test_readings_do_not_depend_on_how_the_span_is_cut(cuts: list[int]) -> None:
    model = air()
    whole = model.readings("whole", MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)
    edges = [0, *sorted(cuts), 86_400]
    fresh = air()
    pieces = [fresh.readings("whole", MIDNIGHT_MS + a * 1000, MIDNIGHT_MS + b * 1000) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate([p.value for p in pieces]), whole.value)
    assert np.array_equal(np.concatenate([p.at_ms for p in pieces]), whole.at_ms)
    assert np.array_equal(np.concatenate([p.name_index for p in pieces]), whole.name_index)


def test_every_quantity_at_every_whole_minute_within_what_an_instrument_can_report() -> None:
    readings = air().readings("whole", MIDNIGHT_MS + 1, MIDNIGHT_MS + DAY_MS)
    assert readings.names == ALL
    assert len(readings) == len(ALL) * 1439
    assert np.all(np.diff(readings.at_ms) >= 0)
    assert np.all(readings.at_ms % MINUTE_MS == 0)
    for i, name in enumerate(readings.names):
        value = readings.value[readings.name_index == i]
        assert QUANTITIES[name].low <= value.min() <= value.max() <= QUANTITIES[name].high


def test_nothing_between_two_minutes_is_nothing() -> None:
    assert len(air().readings("near", MIDNIGHT_MS + 1, MIDNIGHT_MS + 59_999)) == 0


def test_a_day_has_its_rhythm() -> None:
    model = air(plumes=())
    hours = {
        q: model.values("whole", q, minutes(MIDNIGHT_MS, 1440)).reshape(24, 60).mean(axis=1)
        for q in ("pm25", "o3", "temperature", "humidity")
    }
    assert hours["pm25"][18] > hours["pm25"][13]
    assert hours["o3"][13] > 1.5 * hours["o3"][7]
    assert hours["temperature"][14] - hours["temperature"][5] > 5
    assert hours["humidity"][5] - hours["humidity"][14] > 15


def test_stations_share_the_weather_but_not_the_noise() -> None:
    model, span = air(plumes=()), minutes(MIDNIGHT_MS, 3 * 1440)
    near, far = (model.values(name, "pm25", span) for name in ("near", "far"))
    assert correlation(near.reshape(-1, 60).mean(axis=1), far.reshape(-1, 60).mean(axis=1)) > 0.8
    assert abs(correlation(np.diff(near), np.diff(far))) < 0.1
    quick = (near[15:] + near[:-15] - 2 * near[7:-8])[100:]  # what is slow falls out
    assert 0.4 < correlation(quick[:-1], quick[1:]) < 0.75


def correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_smoke_rises_downwind_by_hundreds_and_not_elsewhere() -> None:
    assert 150 < rise("near").max() < 260
    assert 35 < rise("far").max() < 70
    assert rise("beside").max() < 1
    assert rise("upwind").max() == 0


def test_smoke_arrives_with_the_wind_and_leaves_with_it() -> None:
    arrival = {name: int(np.argmax(rise(name) > rise(name).max() / 2)) for name in ("near", "far")}
    assert 1000 / 2.5 / 60 < arrival["near"] < 1000 / 2.5 / 60 + 5
    assert 4000 / 2.5 / 60 < arrival["far"] < 4000 / 2.5 / 60 + 7
    assert rise("near")[-60:].max() == 0


def test_smoke_brings_coarse_dust_and_carbon_monoxide_too() -> None:
    span = minutes(NOON_MS + 30 * MINUTE_MS, 30)
    with_fire, without = ({q: m.values("near", q, span).mean() for q in ("pm25", "pm10", "co", "no2")} for m in (air(), air(plumes=())))
    pm25 = with_fire["pm25"] - without["pm25"]
    assert with_fire["pm10"] - without["pm10"] == pytest.approx(1.2 * pm25, rel=0.02)
    assert with_fire["co"] - without["co"] == pytest.approx(8 * pm25, rel=0.02)


def test_downwind_and_across_are_measured_along_the_wind() -> None:
    along, across = downwind_m(FIRE, STATIONS[2].latitude, STATIONS[2].longitude, Wind(90.0, 2.5))
    assert along == pytest.approx(1000, abs=1)
    assert abs(across) == pytest.approx(1200, abs=1)
