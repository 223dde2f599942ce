"""Exceedance, operational means, rapid rise and plume: seeded air in, exact times out; sick channels raise nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from city_model.registry import Area, City, Device, Site
from simulators.air import AirModel, Plume, Station, Wind
from stream_processor.core.detectors import exceedance, plume, pollution, rapid_rise
from stream_processor.core.detectors.port import Batch, Detector, Verdict

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
NEW_YEAR_MS = 1_767_200_400_000  # 2026-01-01T00:00 in Vietnam


def hours(values: Sequence[float], quantity: str = "pm25", start_ms: int = NEW_YEAR_MS) -> Batch:
    at_ms = start_ms + np.arange(len(values), dtype=np.int64) * HOUR_MS
    there = ~np.isnan(np.array(values))
    return Batch.of_readings("air-1", quantity, at_ms[there], np.array(values)[there])


def minutes(columns: Mapping[str, NDArray[np.floating[Any]]], start_ms: int = NEW_YEAR_MS, device: str = "air-1") -> Batch:
    n = len(next(iter(columns.values())))
    at_ms = np.repeat(start_ms + np.arange(n, dtype=np.int64) * MINUTE_MS, len(columns))
    index = np.tile(np.arange(len(columns), dtype=np.uint16), n)
    return Batch(
        (device,), tuple(columns), np.zeros(n * len(columns), np.int32), index, at_ms, np.stack(list(columns.values()), axis=1).ravel()
    )


def turns(verdicts: Sequence[Verdict]) -> list[tuple[str, str, float]]:
    return [(v.kind, v.rule, (v.at_ms - NEW_YEAR_MS) / HOUR_MS) for v in verdicts if v.kind != "worse"]


def again(detector: Any, fresh: Any) -> Any:  # noqa: ANN401 - any detector
    """The same detector after a restart."""
    fresh.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(detector.snapshot())))
    return fresh


def test_a_mean_of_the_day_between_the_old_and_the_new_limit() -> None:
    before = exceedance.make(exceedance.Settings()).judge(hours([48.0] * 60, start_ms=NEW_YEAR_MS - 72 * HOUR_MS))
    assert not before  # 50 until the end of 2025
    across = exceedance.make(exceedance.Settings()).judge(hours([48.0] * 50, start_ms=NEW_YEAR_MS - 40 * HOUR_MS))
    (onset,) = [v for v in across if v.kind == "onset"]
    assert (onset.rule, onset.threshold, onset.at_ms) == ("pm25_24h", 45.0, NEW_YEAR_MS + HOUR_MS)


def test_an_exceedance_needs_eighteen_hours_and_ends_below_its_hysteresis() -> None:
    detector = exceedance.make(exceedance.Settings())
    found = detector.judge(hours([np.nan] * 3 + [60.0] * 24 + [30.0] * 30))
    assert turns(found)[0] == ("onset", "pm25_24h", 21.0)
    clear = next(v for v in found if v.kind == "clear")
    hours_of_30 = (clear.at_ms - NEW_YEAR_MS) // HOUR_MS - 27
    assert (24 - hours_of_30) * 60 + hours_of_30 * 30 < 45 * 0.95 * 24 <= (25 - hours_of_30) * 60 + (hours_of_30 - 1) * 30
    assert clear.onset_ms == NEW_YEAR_MS + 21 * HOUR_MS


@pytest.mark.parametrize(
    ("quantity", "value", "rule", "at_h"),
    [
        ("no2", 201.0, "no2_1h", 1.0), ("o3", 121.0, "o3_8h", 6.0), ("co", 10_001.0, "co_8h", 6.0), ("so2", 126.0, "so2_24h", 18.0),
        ("pm10", 101.0, "pm10_24h", 18.0),
    ],
)  # fmt: skip
def test_every_period_of_the_regulation_has_its_rule(quantity: str, value: float, rule: str, at_h: float) -> None:
    found = exceedance.make(exceedance.Settings()).judge(hours([value] * 20, quantity))
    assert ("onset", rule, at_h) in turns(found)
    at_limit = exceedance.make(exceedance.Settings()).judge(hours([value - 1] * 20, quantity))
    assert rule not in {v.rule for v in at_limit}


def test_one_high_value_exceeds_nothing() -> None:
    values = np.full(240, 20.0)
    values[130] = 900.0
    assert not exceedance.make(exceedance.Settings()).judge(minutes({"pm25": values}))


def test_a_guideline_can_be_chosen_instead() -> None:
    found = exceedance.make(exceedance.Settings(regulation="who_2021")).judge(hours([16.0] * 20))
    assert turns(found) == [("onset", "pm25_24h", 18.0)]


def test_an_exceedance_goes_on_after_a_restart_and_however_it_is_cut() -> None:
    rng = np.random.default_rng(11)
    values = rng.gamma(3, 17, 300)
    whole = exceedance.make(exceedance.Settings()).judge(hours(values.tolist()))
    assert {v.kind for v in whole} == {"onset", "worse", "clear"}
    detector, parts = exceedance.make(exceedance.Settings()), []
    for start in range(0, 300, 37):
        batch = hours(values[start : start + 37].tolist(), start_ms=NEW_YEAR_MS + start * HOUR_MS)
        parts += detector.judge(batch)
        detector = again(detector, exceedance.make(exceedance.Settings()))
    assert parts == whole


@pytest.mark.parametrize("every_min", [1, 5, 10, 60])
def test_the_operational_mean_knows_each_stations_pace(every_min: int) -> None:
    values = np.where(np.arange(600) < 300, 30.0, 200.0)[::every_min]
    at_ms = NEW_YEAR_MS + np.arange(0, 600, every_min, dtype=np.int64) * MINUTE_MS
    found = pollution.make(pollution.Settings()).judge(Batch.of_readings("air-1", "pm25", at_ms, values))
    (onset,) = [v for v in found if v.kind == "onset"]
    assert onset.rule == "pm25_1h"
    assert 300 <= (onset.at_ms - NEW_YEAR_MS) / MINUTE_MS <= 300 + 60


def test_a_station_that_falls_silent_is_not_complete_by_being_slow() -> None:
    values = np.full(200, 200.0)
    at_ms = NEW_YEAR_MS + np.arange(200, dtype=np.int64) * MINUTE_MS
    sparse = np.flatnonzero(np.arange(200) % 60 < 20)  # a third of each hour, at a pace of minutes
    assert not pollution.make(pollution.Settings()).judge(Batch.of_readings("air-1", "pm25", at_ms[sparse], values[sparse]))


def smoke(n: int = 300, from_min: int = 180, to_min: int = 240, by: float = 120.0) -> NDArray[np.float64]:
    air = 22.0 + np.random.default_rng(2).normal(0, 2, n)
    air[from_min:to_min] += by
    return air


def rises(**columns: NDArray[np.floating[Any]]) -> list[Verdict]:
    return rapid_rise.make(rapid_rise.Settings()).judge(minutes(columns))


def test_smoke_is_a_rapid_rise_after_a_quarter_of_an_hour_and_over_after_another() -> None:
    found = rises(pm25=smoke(), pm10=1.5 * smoke())
    assert turns(found) == [("onset", "rapid_rise", 195 / 60), ("clear", "rapid_rise", 255 / 60)]
    assert found[0].onset_ms == NEW_YEAR_MS + 180 * MINUTE_MS


def test_one_sick_channel_is_no_rise() -> None:
    """Bias, drift, a stuck value, noise and spikes on PM2.5 alone, while PM10 says that the air is as it was."""
    clean = smoke(by=0.0)
    spikes = clean + 400.0 * (np.arange(300) % 7 == 0)
    drift = clean + np.maximum(0, np.arange(300) - 150) * 1.5
    noise = np.abs(clean + np.random.default_rng(3).normal(0, 80, 300))
    stuck = np.where(np.arange(300) < 180, clean, 250.0)
    for sick in (smoke(), spikes, drift, noise, stuck):
        assert not rises(pm25=sick, pm10=1.5 * clean)


def test_a_rise_without_a_second_channel_is_unknown_unless_told() -> None:
    assert not rises(pm25=smoke())
    alone = rapid_rise.make(rapid_rise.Settings(confirm="none")).judge(minutes({"pm25": smoke()}))
    assert [v.kind for v in alone if v.kind != "worse"] == ["onset", "clear"]


def test_a_slow_rise_over_hours_is_no_rapid_one() -> None:
    slow = 20 + np.arange(600, dtype=np.float64) * 0.15
    assert not rises(pm25=slow, pm10=1.5 * slow)


def test_a_rapid_rise_goes_on_after_a_restart_and_however_it_is_cut() -> None:
    columns = {"pm25": smoke(), "pm10": 1.5 * smoke()}
    whole = rises(**columns)
    detector, parts = rapid_rise.make(rapid_rise.Settings()), []
    for start in range(0, 300, 43):
        cut = {name: column[start : start + 43] for name, column in columns.items()}
        parts += detector.judge(minutes(cut, NEW_YEAR_MS + start * MINUTE_MS))
        detector = again(detector, rapid_rise.make(rapid_rise.Settings()))
    assert parts == whole


STATIONS = [  # a fire in the middle; the wind comes from the west
    Station("near", 11.0, 106.610, ("pm25", "wind_speed", "wind_direction"), 22),
    Station("far", 11.0005, 106.620, ("pm25", "wind_speed", "wind_direction"), 22),
    *[Station(f"clean-{k}", 11.0 + 0.02 * (k - 1), 106.58, ("pm25",), 22) for k in range(4)],
]
FIRE = Plume(11.0, 106.600, NEW_YEAR_MS + 180 * MINUTE_MS, NEW_YEAR_MS + 260 * MINUTE_MS, 200.0)
TOWN = City(
    "Thử", "Test", area=(Area("air"),), site=tuple(Site(s.device, "air", s.device, s.device, s.latitude, s.longitude) for s in STATIONS),
    device=tuple(Device(s.device, s.device) for s in STATIONS),
)  # fmt: skip


def town_detector() -> plume.Plume:
    detector = plume.make(plume.Settings())
    detector.stand_in(TOWN)
    return detector


def drift_over_town(detector: plume.Plume, wind: Wind, plumes: Sequence[Plume], order: int = 1, restart: bool = False) -> list[Verdict]:
    """Six hours, fed ten minutes at a time, with a tick behind each; stations in either order."""
    model = AirModel(9, STATIONS, wind, plumes)
    found: list[Verdict] = []
    for start in range(0, 360, 10):
        for station in STATIONS[::order]:
            part = model.readings(station.device, NEW_YEAR_MS + start * MINUTE_MS, NEW_YEAR_MS + (start + 10) * MINUTE_MS)
            rows = np.zeros(len(part), np.int32)
            found += detector.judge(Batch((station.device,), part.names, rows, part.name_index, part.at_ms, part.value))
        found += detector.tick(NEW_YEAR_MS + (start + 10) * MINUTE_MS)
        if restart:
            detector = again(detector, town_detector())
    return found


def test_smoke_over_two_stations_down_the_wind_is_one_plume() -> None:
    found = drift_over_town(town_detector(), Wind(270, 3.0), [FIRE])
    onset, *_, clear = found
    assert [v.kind for v in found if v.kind != "worse"] == ["onset", "clear"]
    assert (onset.subject, onset.evidence["stations"]) == ("near/plume", 2)
    assert onset.evidence["wind_from_deg"] == pytest.approx(270, abs=8)
    assert "far, near" in onset.why
    assert 180 < (onset.at_ms - NEW_YEAR_MS) / MINUTE_MS < 220
    assert 260 < (clear.at_ms - NEW_YEAR_MS) / MINUTE_MS < 310


def test_a_plume_is_the_same_in_any_order_of_stations_and_after_restarts() -> None:
    whole = drift_over_town(town_detector(), Wind(270, 3.0), [FIRE])
    assert drift_over_town(town_detector(), Wind(270, 3.0), [FIRE], order=-1) == whole
    assert drift_over_town(town_detector(), Wind(270, 3.0), [FIRE], restart=True) == whole


def test_clean_air_and_smoke_that_passes_by_are_no_plume() -> None:
    assert not drift_over_town(town_detector(), Wind(270, 3.0), [])
    assert not drift_over_town(town_detector(), Wind(0, 3.0), [FIRE])


def test_two_stations_that_rise_across_the_wind_are_no_plume() -> None:
    two_fires = [Plume(11.0, lon, FIRE.from_ms, FIRE.to_ms, 200.0) for lon in (106.6085, 106.6185)]
    assert not [v for v in drift_over_town(town_detector(), Wind(270, 3.0), two_fires) if v.evidence["stations"] > 2]
    north = [Plume(11.012, 106.610, FIRE.from_ms, FIRE.to_ms, 400.0), Plume(11.012, 106.620, FIRE.from_ms, FIRE.to_ms, 400.0)]
    assert not drift_over_town(town_detector(), Wind(0, 3.0), north)


def test_air_that_is_bad_everywhere_is_no_plume() -> None:
    model = AirModel(9, STATIONS, Wind(270, 3.0))
    detector = town_detector()
    found: list[Verdict] = []
    for start in range(0, 360, 10):
        for station in STATIONS:
            part = model.readings(station.device, NEW_YEAR_MS + start * MINUTE_MS, NEW_YEAR_MS + (start + 10) * MINUTE_MS)
            value = part.value + 80.0 * ((part.name_index == 0) & (start >= 180))
            found += detector.judge(Batch((station.device,), part.names, np.zeros(len(part), np.int32), part.name_index, part.at_ms, value))
        found += detector.tick(NEW_YEAR_MS + (start + 10) * MINUTE_MS)
    assert not found


def test_all_of_them_are_detectors() -> None:
    made: list[Detector] = [module.make(module.Settings()) for module in (exceedance, pollution, rapid_rise, plume)]
    assert {d.name for d in made} == {"exceedance", "pollution", "rapid_rise", "plume"}
    assert {rule.alarm_kind for d in made for rule in d.rules.values()} == {"pollution"}
