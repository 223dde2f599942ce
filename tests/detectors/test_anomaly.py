"""The anomaly detector in the stream: off by default, exact slots, the hour of the day known, few alarms and low ones."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from city_model.events import TrafficSample
from city_model.faults import ConfigError
from stream_processor.core.detectors.anomaly import AnomalyWatch, Settings, make
from stream_processor.core.detectors.port import Batch, DeviceSamples
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core
from tests.core.city import CITY, NOON_MS, readings_event, tick
from tests.sensors.test_live import alarms_of

SLOT_MS, DAY = 300_000, 288


def day_and_night(days: int, seed: int = 7) -> np.ndarray:
    """Vehicles an hour, a value every five minutes: 200 by night, 1800 by day."""
    k = np.arange(days * DAY)
    return 1000.0 - 800.0 * np.cos(k / DAY * 2 * np.pi) + np.random.default_rng(seed).normal(0, 25, len(k))


def said(watch: AnomalyWatch, values: np.ndarray, quantity: str = "flow_veh_h", device: str = "loop-1") -> list[tuple[str, int]]:
    at_ms = NOON_MS + np.arange(len(values), dtype=np.int64) * SLOT_MS
    return [(v.kind, (v.onset_ms - NOON_MS) // SLOT_MS) for v in watch.judge(Batch.of_readings(device, quantity, at_ms, values))]


def test_it_is_off_until_quantities_are_named() -> None:
    assert make(Settings()).rules == {}
    assert said(make(Settings()), day_and_night(8) ** 3) == []


def test_an_ordinary_week_is_none_and_a_night_like_a_day_is_one_that_ends() -> None:
    values = day_and_night(10)
    assert said(make(Settings(quantities=("flow_veh_h",))), values) == []
    night = 8 * DAY
    values[night : night + 12] = 1800.0  # what every noon has
    watch = make(Settings(quantities=("flow_veh_h",)))
    assert said(watch, values)[0] == ("onset", night)
    assert [kind for kind, onset in said(make(Settings(quantities=("flow_veh_h",))), values) if onset == night][-1] == "clear"


def test_the_verdict_says_what_is_usual_at_that_hour() -> None:
    values = day_and_night(9)
    values[8 * DAY : 8 * DAY + 3] = 1800.0
    watch = make(Settings(quantities=("flow_veh_h",)))
    at_ms = NOON_MS + np.arange(len(values), dtype=np.int64) * SLOT_MS
    onset = watch.judge(Batch.of_readings("loop-1", "flow_veh_h", at_ms, values))[0]
    assert (onset.rule, onset.subject, onset.evidence["value"]) == ("anomaly_flow_veh_h", "loop-1/flow_veh_h", 1800.0)
    assert onset.evidence["usual"] == pytest.approx(200, abs=60)
    assert onset.value >= onset.threshold


def test_nothing_is_told_before_it_was_learned_and_a_device_tells_at_most_one_in_its_rest() -> None:
    values = 10.0 + np.arange(600) % 3
    values[[100, 400, 480]] = (90.0, 90.0, 400.0)
    assert said(make(Settings(quantities=("pm25",))), values, "pm25")[0] == ("onset", 400)  # the 100th is within the first day
    onsets = [at for kind, at in said(make(Settings(quantities=("pm25",), rest_h=8.0)), values, "pm25") if kind == "onset"]
    short = [at for kind, at in said(make(Settings(quantities=("pm25",), rest_h=0.5)), values, "pm25") if kind == "onset"]
    assert short[:2] == [400, 480]
    assert onsets[0] == 400
    assert onsets[1] - 400 >= 8 * 12  # hours of twelve slots
    two = make(Settings(quantities=("pm25", "pm10")))
    assert said(two, values, "pm25", "air-1")[0] == ("onset", 400)
    assert all(kind != "onset" or at != 400 for kind, at in said(two, values, "pm10", "air-1"))
    assert said(two, values, "pm10", "air-2")[0] == ("onset", 400)


def test_a_slot_is_the_mean_of_its_readings_and_ticks_close_the_last() -> None:
    minutes = np.repeat(10.0 + np.arange(400) % 3, 5) + np.tile([-1.0, 1.0, 0.0, 2.0, -2.0], 400)
    minutes[-5:] += 90.0
    at_ms = NOON_MS + np.arange(2000, dtype=np.int64) * 60_000
    watch = make(Settings(quantities=("pm25",)))
    assert watch.judge(Batch.of_readings("air-1", "pm25", at_ms, minutes)) == []
    end_ms = NOON_MS + 400 * SLOT_MS
    assert watch.tick(end_ms + 119_000) == []
    (onset,) = watch.tick(end_ms + SLOT_MS + 120_000)
    assert (onset.onset_ms, onset.evidence["value"]) == (end_ms - SLOT_MS, 10.0 + 399 % 3 + 90.0)


def test_a_sick_cameras_figures_are_no_anomaly_of_the_road() -> None:
    def samples(health: str) -> Batch:
        rows = []
        for k in range(400):
            flow, word = (9000.0, health) if 380 <= k < 384 else (1000.0 + k % 3 * 50, "ok")
            rows.append(TrafficSample(NOON_MS + k * SLOT_MS, 300.0, "north", 9, 2, 0, flow, 0.2, 0.9, speed_kmh=40.0, health=word))
        return Batch.of_samples([DeviceSamples("cam-1", rows)])

    (onset, *_) = make(Settings(quantities=("flow_pcu_h",))).judge(samples("ok"))
    assert (onset.subject, (onset.onset_ms - NOON_MS) // SLOT_MS) == ("cam-1/north", 380)
    assert make(Settings(quantities=("flow_pcu_h",))).judge(samples("covered")) == []


def test_in_the_core_it_is_a_low_maintenance_alarm_and_restarts_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "core.toml").write_text('[sensors]\ngate = "off"\n[detectors.anomaly]\nquantities = ["pm25"]\n')
    told = load_core_settings(tmp_path / "core.toml")
    values = 10.0 + np.arange(420) % 3 + np.where(np.arange(420) == 390, 20.0, 0.0)
    events = [readings_event("air-1", k, [NOON_MS + k * SLOT_MS], [v]) for k, v in enumerate(values.tolist())] + [
        tick(NOON_MS + 500 * SLOT_MS)
    ]
    whole = [a for a in alarms_of(Core(CITY, told, 0).step(events)) if a.rule == "anomaly_pm25"]
    assert [(a.kind, a.priority, a.onset_ms) for a in whole] == [("maintenance", "low", NOON_MS + 390 * SLOT_MS)]
    machine, emits = Core(CITY, told, 0), []
    for k in range(0, len(events), 37):
        emits += machine.step(events[k : k + 37])
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(machine.snapshot()))
        machine = Core(CITY, told, 0)
        machine.restore(state)
    assert [a for a in alarms_of(emits) if a.rule == "anomaly_pm25"] == whole


def test_a_quantity_that_nobody_sends_is_told(tmp_path: Path) -> None:
    (tmp_path / "core.toml").write_text('[detectors.anomaly]\nquantities = ["moon"]\n')
    with pytest.raises(ConfigError, match=r"detectors.anomaly.quantities: moon"):
        load_core_settings(tmp_path / "core.toml")
