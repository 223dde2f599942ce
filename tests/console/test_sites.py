"""States of sites from figures, time and open alarms."""

from __future__ import annotations

import pytest

from city_model.registry import Device, Direction, Site
from dashboards.console.sites import AIR_FRESH_MS, CAMERA_FRESH_MS, DeviceNow, device_now, site_now, worst

NOW = 1_790_000_000_000
CAMERA = Device(id="cam-1", site="s", kind="camera", directions=(Direction("north"), Direction("south")))
AIR = Device(id="air-1", site="s", kind="air", quantities=("pm25",))
SITE = Site(id="s", area="a", vi="S", en="S", latitude=0, longitude=0)


def camera(speed: float, occupancy: float = 0.5, at_ms: int = NOW, open_subjects: frozenset[str] = frozenset()) -> DeviceNow:
    figures = {f"{d}/{q}": (at_ms, v) for d in ("north", "south") for q, v in (("speed_kmh", speed), ("area_occupancy", occupancy))}
    return device_now(CAMERA, figures, NOW, open_subjects)


def test_a_camera_is_free_or_slow_by_its_newest_sample_and_jammed_only_by_an_open_alarm() -> None:
    assert camera(34.0).state == "free"
    assert camera(19.9).state == "slow"
    assert camera(3.0).state == "slow", "the engine has not said so yet"
    jammed = camera(3.0, open_subjects=frozenset({"cam-1/south"}))
    assert [d.state for d in jammed.directions] == ["slow", "jam"]
    assert jammed.state == "jam"


def test_few_slow_vehicles_on_an_empty_road_are_no_slow_traffic() -> None:
    assert camera(8.0, occupancy=0.05).state == "free"


def test_what_is_too_old_is_unknown_even_with_an_open_alarm() -> None:
    late = NOW - CAMERA_FRESH_MS
    assert camera(34.0, at_ms=late).state == "free"
    assert camera(34.0, at_ms=late - 1).state == "unknown"
    assert camera(3.0, at_ms=late - 1, open_subjects=frozenset({"cam-1/south"})).state == "unknown"


def test_a_figure_older_than_the_newest_sample_is_not_of_that_sample() -> None:
    figures = {"north/speed_kmh": (NOW - 10_000, 5.0), "north/area_occupancy": (NOW, 0.0)}
    north = device_now(CAMERA, figures, NOW, frozenset()).directions[0]
    assert north.values == {"area_occupancy": 0.0}
    assert north.state == "free"


def test_a_camera_without_scale_is_slow_by_its_pixels() -> None:
    figures = {"north/speed_px_s": (NOW, 6.0), "north/area_occupancy": (NOW, 0.6)}
    assert device_now(CAMERA, figures, NOW, frozenset()).directions[0].state == "slow"


@pytest.mark.parametrize(("pm25", "band"), [(0.0, 1), (25.0, 1), (25.1, 2), (50.1, 3), (80.1, 4), (150.1, 5), (251.0, 6)])
def test_air_bands_follow_the_table(pm25: float, band: int) -> None:
    assert device_now(AIR, {"pm25": (NOW, pm25)}, NOW, frozenset()).band == band


def test_air_is_unknown_after_ten_minutes_and_keeps_its_old_figure() -> None:
    fresh = device_now(AIR, {"pm25": (NOW - AIR_FRESH_MS, 10.0)}, NOW, frozenset({"air-1/pm25"}))
    assert (fresh.state, fresh.band) == ("alarm", 1)
    old = device_now(AIR, {"pm25": (NOW - AIR_FRESH_MS - 1, 10.0)}, NOW, frozenset())
    assert (old.state, old.band, old.values) == ("unknown", 0, {"pm25": (10.0, NOW - AIR_FRESH_MS - 1)})


def test_without_time_everything_is_unknown() -> None:
    now = site_now(SITE, (CAMERA, AIR), {"air-1": {"pm25": (NOW, 10.0)}}, None, frozenset())
    assert (now.state, now.road) == ("unknown", "unknown")


def test_an_air_site_has_no_road_and_unknown_calls_more_than_free() -> None:
    assert site_now(SITE, (AIR,), {"air-1": {"pm25": (NOW, 10.0)}}, NOW, frozenset()).road is None
    assert worst(["free", "unknown", "ok"]) == "unknown"
    assert worst([]) == "unknown"
