"""What the texts say at their edges: steps, halves, gaps, nothing known, and the limits by date."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city_model.gases import ppb_from_ug_m3, ug_m3_from_ppb
from stream_processor.core.air import advice, cpcb, european, limits, nowcast, us_aqi, vn_aqi
from stream_processor.core.air.staircase import NO_DATA
from tests.air.oracle import VN, us_pm25, vn_rounded
from tests.air.oracle import nowcast as nowcast_exactly

NAN = float("nan")


def test_every_tenth_of_a_microgram_of_epas_pm25() -> None:
    tenths = [Decimal(k) / 10 for k in range(5_001)]
    assert us_aqi.index("pm25_24h", [float(c) for c in tenths]).tolist() == [us_pm25(c) for c in tenths]


def test_every_hundredth_is_truncated_not_rounded() -> None:
    hundredths = [Decimal(k) / 100 for k in range(33_000)]
    assert us_aqi.index("pm25_24h", [float(c) for c in hundredths]).tolist() == [us_pm25(c) for c in hundredths]


def test_above_the_us_table_the_index_runs_on_or_ends_at_500() -> None:
    assert us_aqi.index("pm25_24h", [325.4, 325.5, 400.0]).tolist() == [500, 500, 649]
    assert us_aqi.index("pm25_24h", [325.4, 400.0], above="cap").tolist() == [500, 500]
    assert us_aqi.level(649).en == "Hazardous"


@pytest.mark.parametrize(
    ("pollutant", "concentrations", "indices"),
    [
        ("pm10_24h", [54.9, 55, 154, 155, 424, 425, 604], [50, 51, 100, 101, 300, 301, 500]),
        ("o3_8h", [0.0549, 0.055, 0.070, 0.0709, 0.071, 0.2, 0.2009, 0.201], [50, 51, 100, 100, 101, 300, 300, NO_DATA]),
        ("o3_1h", [0.124, 0.125, 0.164, 0.205, 0.604], [NO_DATA, 101, 150, 201, 500]),
        ("co_8h", [4.4, 4.49, 4.5, 15.5, 50.4], [50, 50, 51, 201, 500]),
        ("so2_1h", [35, 36, 304, 305, 900], [50, 51, 200, 200, 200]),
        ("so2_24h", [304, 305, 604, 605], [NO_DATA, 201, 300, 301]),
        ("no2_1h", [53, 54, 100, 101, 2049], [50, 51, 100, 101, 500]),
    ],
)
def test_the_other_pollutants_of_the_us_table(pollutant: str, concentrations: list[float], indices: list[int]) -> None:
    assert us_aqi.index(pollutant, concentrations).tolist() == indices


@given(st.sampled_from(sorted(VN)), st.decimals(0, 160_000, places=3))
def test_any_decimal_is_rated_as_a_decimal(pollutant: str, concentration: Decimal) -> None:
    expected = vn_rounded(pollutant, concentration)
    assert vn_aqi.rounded_sub_index(pollutant, float(concentration)) == (NO_DATA if expected is None else expected)


def test_halves_go_up_where_binary_arithmetic_would_not() -> None:
    halves = np.arange(0, 600) + 0.5  # PM10 up to 50 has an index of its own value
    assert vn_aqi.rounded_sub_index("pm10", halves[:50]).tolist() == list(range(1, 51))
    assert vn_aqi.rounded_sub_index("pm25", [55.7, 55.69999, 0.25, 0.24999]).tolist() == [110, 109, 1, 0]


def test_a_table_ends_where_the_decision_says() -> None:
    assert vn_aqi.rounded_sub_index("pm25", [500, 900]).tolist() == [500, 500]
    assert vn_aqi.rounded_sub_index("o3_8h", [400, 400.001]).tolist() == [300, NO_DATA]
    day = vn_aqi.daily({"pm25": [10.0] * 24, "o3": [420.0] * 24})
    assert day.value.tolist() == [205]  # the 8-hour mean above 400 counts no more, the 1-hour value does


def test_between_300_and_500_there_are_two_segments() -> None:
    assert vn_aqi.rounded_sub_index("pm25", [250, 300, 350, 425]).tolist() == [300, 350, 400, 450]


def test_the_two_readings_of_the_decision_part_with_missing_hours() -> None:
    newest_first = [100, NAN, 30, 20, NAN, 15, *[10] * 6]
    hours = newest_first[::-1]
    assert vn_aqi.hourly({"pm25": hours}).value[-1] == 145
    literal = vn_aqi.hourly({"pm25": hours}, "literal")
    assert literal.value[-1] == 109
    assert "NowCast literal" in literal.method


hour = st.one_of(st.none(), st.decimals(0, 600, places=1))


@given(st.lists(hour, min_size=1, max_size=30))
def test_nowcast_of_any_hours_is_what_decimals_give(hours: list[Decimal | None]) -> None:
    floats = [NAN if c is None else float(c) for c in hours]
    for k, reading in enumerate(("normalised", "literal")):
        values = nowcast.pm(floats, reading)  # type: ignore[arg-type]  # one of the two
        for i in range(len(hours)):
            expected = nowcast_exactly(hours[max(0, i - 11) : i + 1][::-1])[k]
            assert (np.isnan(values[i]) and expected is None) or values[i] == pytest.approx(float(expected or 0), rel=1e-12, abs=1e-12)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=24))
def test_ties_of_a_nowcast_are_decided_exactly(quarters: list[int]) -> None:
    hours = [Decimal(q) / 4 for q in quarters]
    expected = [vn_rounded("pm25", nowcast_exactly(hours[max(0, i - 11) : i + 1][::-1])[0]) for i in range(1, len(hours))]
    assert vn_aqi.hourly({"pm25": [float(c) for c in hours]}).value[1:].tolist() == expected


def test_hours_below_zero_keep_the_weight_within_its_bounds() -> None:
    assert nowcast.pm([-2.0, 4.0, 8.0])[-1] == pytest.approx((8 + 4 / 2 - 2 / 4) / 1.75)
    assert nowcast.pm([-2.0, -1.0])[-1] == pytest.approx(-1.5)
    assert vn_aqi.hourly({"pm25": [-1.0, -1.0]}).value[-1] == 0


def test_ozone_has_no_floor_under_its_weight() -> None:
    assert nowcast.ozone([10.0, 0.0, 40.0])[-1] == 40
    assert nowcast.ozone([20.0, 40.0])[-1] == pytest.approx((40 + 20 / 2) / 1.5)


def test_without_two_of_the_newest_three_hours_nothing_is_known() -> None:
    rating = vn_aqi.hourly({"pm25": [20.0, NAN, NAN, 20.0, 20.0], "o3": [170.0] * 5})
    assert rating.value.tolist() == [NO_DATA, NO_DATA, NO_DATA, NO_DATA, 63]
    assert rating.named() == ["", "", "", "", "o3"]
    assert rating.completeness.tolist() == [0.5, 0.5, 0.5, 0.5, 1.0]


def test_an_index_without_particles_is_none() -> None:
    with pytest.raises(ValueError, match=r"PM2\.5 or PM10"):
        vn_aqi.hourly({"o3": [100.0]})
    assert vn_aqi.daily({"pm10": [NAN] * 24, "o3": [100.0] * 24}).value.tolist() == [NO_DATA]


def test_a_mean_of_the_day_needs_eighteen_hours() -> None:
    day = [40.0] * 18 + [NAN] * 6
    assert vn_aqi.daily({"pm25": day}).value.tolist() == [80]
    assert vn_aqi.daily({"pm25": [*day[1:], NAN]}).value.tolist() == [NO_DATA]
    with pytest.raises(ValueError, match="23 hours"):
        vn_aqi.daily({"pm25": [40.0] * 23})


def test_six_categories_with_names_and_colours() -> None:
    levels = [vn_aqi.level(index) for index in (50, 51, 150, 151, 300, 301)]
    assert [level.vi for level in levels] == ["Tốt", "Trung bình", "Kém", "Xấu", "Rất xấu", "Nguy hại"]
    assert [level.colour for level in levels] == ["#00E400", "#FFFF00", "#FF7E00", "#FF0000", "#8F3F97", "#7E0023"]


def test_every_category_has_advice_in_two_languages() -> None:
    for category in vn_aqi.TABLE.category:
        found = advice.advice(category.up_to)
        assert found.up_to == category.up_to
        texts = [getattr(found, f"{who}_{language}") for who in ("effect", "general", "sensitive") for language in ("vi", "en")]
        assert all(texts)
    with pytest.raises(ValueError, match="no advice"):
        advice.advice(NO_DATA)


def test_an_edge_of_the_european_index_stays_in_the_lower_level() -> None:
    assert european.band("pm25", [0, 5, 5.0001, 15, 140, 140.1, NAN]).tolist() == [1, 1, 2, 2, 5, 6, NO_DATA]
    assert european.level(6).en == "Extremely poor"
    assert european.hourly({"pm25": [5.0], "so2": [126.0]}).named() == ["so2"]


def test_indias_index_needs_three_pollutants_and_particles() -> None:
    assert cpcb.combined({"pm25": [90.0], "no2": [40.0], "co": [1.0]}).value.tolist() == [200]
    assert cpcb.combined({"pm25": [90.0], "no2": [40.0], "co": [NAN]}).value.tolist() == [NO_DATA]
    assert cpcb.combined({"so2": [90.0], "no2": [40.0], "co": [1.0]}).value.tolist() == [NO_DATA]
    assert cpcb.rounded_sub_index("o3", [748, 749]).tolist() == [400, 500]
    assert cpcb.rounded_sub_index("pm25", [30, 60, 90, 120, 250, 185]).tolist() == [50, 100, 200, 300, 400, 350]


def test_the_limit_of_the_day_is_the_one_in_force() -> None:
    days = [date(2023, 9, 11), date(2023, 9, 12), date(2025, 12, 31), date(2026, 1, 1)]
    assert [limits.in_force("qcvn_05_2023", "pm25", "24h", day) for day in days] == [None, 50, 50, 45]
    assert limits.in_force("qcvn_05_2023", "pm25", "year", days[-1]) == 25
    assert limits.in_force("who_2021", "pm25", "24h", days[-1]) == 15
    assert limits.in_force("qcvn_05_2023", "co", "24h", days[-1]) is None


def test_a_mean_with_too_few_hours_is_unknown() -> None:
    day = limits.regulation("qcvn_05_2023").period["24h"]
    hours = np.array([NAN] * 6 + [10.0] * 17 + [20.0])
    means = limits.averages(hours, day)
    assert np.isnan(means[:23]).all()
    assert means[23] == pytest.approx((17 * 10 + 20) / 18)


def test_a_year_is_the_mean_of_its_hours() -> None:
    hours = np.random.default_rng(3).gamma(2, 20, 9_000)
    year = limits.averages(hours, limits.regulation("qcvn_05_2023").period["year"])
    assert year[-1] == pytest.approx(hours[-8_760:].mean())
    assert np.isnan(year[6_568])
    assert year[6_569] == pytest.approx(hours[:6_570].mean())


@pytest.mark.parametrize(("gas", "ppb", "ug_m3"), [("no2", 100, 188.18), ("o3", 61, 119.75), ("so2", 134, 351.1), ("co", 9000, 10311)])
def test_volume_and_mass_at_25_degrees_and_one_atmosphere(gas: str, ppb: float, ug_m3: float) -> None:
    assert ug_m3_from_ppb(gas, ppb) == pytest.approx(ug_m3, rel=1e-3)
    assert ppb_from_ug_m3(gas, ug_m3_from_ppb(gas, ppb)) == pytest.approx(ppb)


def test_shapes_are_kept_and_nothing_is_something() -> None:
    assert vn_aqi.rounded_sub_index("pm25", np.full((2, 3), 25.0)).tolist() == [[50] * 3] * 2
    assert us_aqi.index("pm25_24h", []).tolist() == []
    assert vn_aqi.rounded_sub_index("co", [NAN, float("inf"), -5]).tolist() == [NO_DATA, NO_DATA, 0]
    stations = vn_aqi.hourly({"pm25": np.array([[20.0, 20.0], [40.0, 40.0]])})
    assert stations.value.tolist() == [[NO_DATA, 40], [NO_DATA, 80]]
