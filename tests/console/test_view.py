"""The view: newest values by event time, the city's clock, what is said when the engine or the log is silent."""

from __future__ import annotations

import numpy as np

from city_model.clock import ManualClock
from city_model.events import Readings, Report
from dashboards.console.routes_public import public_state
from dashboards.console.view import BEHIND_MS, SILENT_AFTER_S, UNFIT_FOR_MS, Share, View
from stream_processor.stores.port import Flag
from tests.console.town import T0, town


def readings(*rows: tuple[str, int, float]) -> Readings:
    names = tuple(dict.fromkeys(row[0] for row in rows))
    return Readings(
        names,
        np.array([names.index(row[0]) for row in rows], np.uint16),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
    )


def test_the_newest_by_event_time_counts_whatever_the_order() -> None:
    view = View(town(), ManualClock(T0))
    view.observe(readings(("air-kk-01/pm25", T0 - 1000, 7.0), ("air-kk-01/pm25", T0 - 5000, 3.0)), live=True)
    view.observe(readings(("air-kk-01/pm25", T0 - 9000, 1.0)), live=True)
    assert view.figures("air-kk-01") == {"pm25": (T0 - 1000, 7.0)}


def test_what_a_sick_sensor_says_is_no_figure_of_the_air() -> None:
    view = View(town(), ManualClock(T0))
    view.report(Report(T0, 0, {}), live=True)
    view.observe(readings(("air-kk-01/pm25", T0 - 1000, 999.0), ("air-kk-01/pm10", T0 - 1000, 40.0)), live=True)
    assert public_state(view).air[0].pm25 == 999.0
    view.observe(readings(("air-kk-01/pm25", T0 - 1000, 999.0)), live=True, flags=Flag.SICK)
    assert view.figures("air-kk-01") == {"pm10": (T0 - 1000, 40.0)}
    assert all(place.pm25 is None and place.band == 0 for place in public_state(view).air)
    view.observe(readings(("air-kk-01/pm25", T0 + 60_000, 999.0)), live=True)  # its flag has not come yet
    assert "pm25" not in view.figures("air-kk-01")
    view.observe(readings(("air-kk-01/pm25", T0 + UNFIT_FOR_MS, 12.0)), live=True)
    assert view.figures("air-kk-01")["pm25"] == (T0 + UNFIT_FOR_MS, 12.0)


def test_devices_and_directions_outside_the_registry_take_no_memory() -> None:
    view = View(town(), ManualClock(T0))
    view.observe(readings(("ghost/pm25", T0, 1.0), ("cam-bd-111/east/speed_kmh", T0, 1.0), ("cam-bd-111/speed_kmh", T0, 1.0)), live=True)
    assert view.figures("ghost") == {}
    assert view.figures("cam-bd-111") == {}


def test_the_clock_is_the_newest_tick_of_any_partition_and_one_that_lags_is_counted() -> None:
    view = View(town(), ManualClock(T0))
    assert (view.clock_ms, view.link) == (None, "waiting")
    view.report(Report(T0, 3, {"readings": 10, "duplicates": 1}), live=True)
    view.report(Report(T0 - BEHIND_MS - 1, 4, {"samples": 5}), live=True)
    quality = view.quality(view.sites())
    assert (view.clock_ms, quality.received, quality.duplicates, quality.partitions_behind) == (T0, 15, 1, 1)


def test_when_reports_stop_everything_becomes_unknown_and_returns_with_them() -> None:
    passed = [0.0]
    view = View(town(), ManualClock(T0), lambda: passed[0])
    view.report(Report(T0, 0, {}), live=True)
    view.observe(readings(("air-kk-01/pm25", T0, 7.0)), live=True)
    assert view.sites()["kk-01"].state == "ok"
    passed[0] = SILENT_AFTER_S + 1
    assert (view.link, view.sites()["kk-01"].state) == ("silent", "unknown")
    view.report(Report(T0 + 5000, 0, {}), live=True)
    assert (view.link, view.sites()["kk-01"].state) == ("ok", "ok")


def test_a_log_that_cannot_be_read_makes_everything_unknown() -> None:
    view = View(town(), ManualClock(T0))
    view.report(Report(T0, 0, {}), live=True)
    view.observe(readings(("air-kk-01/pm25", T0, 7.0)), live=True)
    view.log_fault = "kafka: no broker"
    assert (view.link, view.sites()["kk-01"].state) == ("log", "unknown")


def test_latency_is_the_median_and_is_not_claimed_for_another_time() -> None:
    clock = ManualClock(T0)
    view = View(town(), clock)
    for age_ms in (100, 240, 9000):
        view.observe(readings(("air-kk-01/pm25", T0 - age_ms, 7.0)), live=True)
    assert view.quality(view.sites()).latency_ms == 240
    old = View(town(), clock)
    old.observe(readings(("air-kk-01/pm25", T0 - 86_400_000, 7.0)), live=True)
    assert old.quality(old.sites()).latency_ms is None


def test_shares_count_devices_not_sites() -> None:
    view = View(town(), ManualClock(T0))
    view.report(Report(T0, 0, {}), live=True)
    view.observe(readings(("air-kk-01/pm25", T0, 7.0)), live=True)
    quality = view.quality(view.sites())
    assert (quality.stations, quality.cameras) == (Share(1, 5), Share(0, 8))
