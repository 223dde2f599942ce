"""Corrected PM2.5 in the live path: beside the raw one, by a named model, the same in any order, made anew when something comes late."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from city_model.codec import observations
from city_model.events import Event
from city_model.faults import ConfigError
from city_model.registry import Area, City, Device, Site, load_city
from city_model.settings import from_table
from city_model.topics import OBSERVATIONS
from simulators.replay import replay
from stream_processor.core.air import vn_aqi
from stream_processor.core.derivations import vn_aqi as live_vn_aqi
from stream_processor.core.detectors import exceedance
from stream_processor.core.sensors.correction import DAILY_TERMS
from stream_processor.core.sensors.corrections import CorrectionSettings, OwnModel
from stream_processor.core.sensors.humid_growth import dry_mass
from stream_processor.core.sensors.live import SensorSettings
from stream_processor.core.sensors.shipped import DAILY
from stream_processor.core.settings import CoreSettings
from stream_processor.core.step import Core, Emit
from stream_processor.stores.port import Flag
from tests.air.test_live_index import HOUR_MS, START_MS, event
from tests.core.city import tick
from tests.sensors.test_live import alarms_of

CHEAP = Device("air-1", "s", correction="kappa_koehler/1")
CITY = City(
    "Thử", "Test", area=(Area("air"),), site=(Site("s", "air", "Trạm", "Station", 11, 106),), device=(CHEAP, Device("air-2", "s")),
)  # fmt: skip
UNGATED = CoreSettings(sensors=SensorSettings(gate="off"))
PM, HUMIDITY = [30.0, 42.5, 55.1, 61.0, 48.2, 90.4], [55.0, 71.5, 88.0, 93.2, 96.0, 40.0]
Rows = list[tuple[str, int, float]]


def rows(pm: Sequence[float], humidity: Sequence[float], temperature: float | None = None) -> Rows:
    """Four readings an hour, particles in front of the humidity they need."""
    out: Rows = []
    for k, (p, h) in enumerate(zip(pm, humidity, strict=True)):
        for quarter in range(4):
            at_ms = START_MS + k * HOUR_MS + quarter * 900_000
            out += [("pm25", at_ms, p + quarter), ("humidity", at_ms, h)]
            out += [("temperature", at_ms, temperature)] if temperature is not None else []
    return out


def core(device: Device = CHEAP, told: CoreSettings = UNGATED) -> Core:
    return Core(replace(CITY, device=(device, CITY.device[1])), told, 0)


def series(emits: Sequence[Emit], quantity: str, device: str = "air-1") -> dict[int, tuple[float, int]]:
    """Time → (value, flags), the last written."""
    found: dict[int, tuple[float, int]] = {}
    for emit in emits:
        if emit.topic == OBSERVATIONS and emit.event is not None and emit.event.content_type == observations.CONTENT_TYPE:
            points, flags = observations.decode(emit.event.data)
            for k, at_ms, value in zip(points.name_index.tolist(), points.at_ms.tolist(), points.value.tolist(), strict=True):
                if points.names[k] == f"{device}/{quantity}":
                    found[at_ms] = (value, flags)
    return found


def at(hour: int) -> int:
    return START_MS + hour * HOUR_MS


def test_every_hour_is_corrected_and_the_raw_readings_stay() -> None:
    emits = core().step([event(0, rows(PM, HUMIDITY)), event(0, rows(PM, HUMIDITY), "air-2"), tick(at(7))])
    corrected = series(emits, "pm25_corrected")
    expected = dry_mass(np.array(PM) + 1.5, np.array(HUMIDITY))
    assert [corrected[at(k)][0] for k in range(6)] == pytest.approx(expected.tolist(), rel=1e-12)
    assert {flags for _, flags in corrected.values()} == {0}
    raw = series(emits, "pm25")
    assert [raw[row[1]][0] for row in rows(PM, HUMIDITY) if row[0] == "pm25"] == [row[2] for row in rows(PM, HUMIDITY) if row[0] == "pm25"]
    assert series(emits, "pm25_corrected", "air-2") == {}


def test_without_humidity_there_is_no_corrected_value() -> None:
    dry = [row for row in rows(PM, HUMIDITY) if not (row[0] == "humidity" and at(2) <= row[1] < at(4))]
    assert set(series(core().step([event(0, dry), tick(at(7))]), "pm25_corrected")) == {at(k) for k in (0, 1, 4, 5)}


def test_humidity_that_comes_late_makes_the_hour_and_says_so() -> None:
    all_rows = rows(PM, HUMIDITY)
    late = [row for row in all_rows if row[0] == "humidity" and at(2) <= row[1] < at(4)]
    machine = core()
    emits = machine.step([event(0, [row for row in all_rows if row not in late]), tick(at(20))])
    emits += machine.step([event(len(all_rows) - len(late), late)])
    whole = series(core().step([event(0, all_rows), tick(at(20))]), "pm25_corrected")
    found = series(emits, "pm25_corrected")
    assert {k: value for k, (value, _) in found.items()} == {k: value for k, (value, _) in whole.items()}
    assert {k for k, (_, flags) in found.items() if flags == Flag.REVISED} == {at(2), at(3)}


STORY = [event(4 * k, rows(PM * 5, HUMIDITY * 5)[4 * k : 4 * k + 4]) for k in range(60)]
END = tick(at(40))
EXPECTED = series(core().step([*STORY, END]), "pm25_corrected")


@given(st.randoms(use_true_random=False))
@settings(max_examples=12, deadline=None)
def test_any_order_cut_and_restart_gives_the_same_values(rnd: random.Random) -> None:
    events: list[Event] = STORY + rnd.sample(STORY, 5)
    rnd.shuffle(events)
    machine, emits = core(), []
    edges = sorted(rnd.sample(range(1, len(events)), 5))
    for a, b in itertools.pairwise([0, *edges, len(events)]):
        emits += machine.step(events[a:b])
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(machine.snapshot()))
        machine = core()
        machine.restore(state)
    assert series([*emits, *machine.step([END])], "pm25_corrected") == EXPECTED


def test_exceedance_judges_as_measured_or_where_told_as_corrected() -> None:
    wet = rows([60.0] * 26, [92.0] * 26)
    raw = alarms_of(core().step([event(0, wet), tick(at(27))]))
    assert {alarm.rule for alarm in raw} == {"pm25_24h"}
    told = replace(UNGATED, detectors={"exceedance": exceedance.Settings(pm25="corrected")})
    assert alarms_of(core(told=told).step([event(0, wet), tick(at(27))])) == []
    dusty = alarms_of(core(told=told).step([event(0, rows([190.0] * 26, [92.0] * 26)), tick(at(27))]))
    (judged,) = [alarm for alarm in dusty if alarm.rule == "pm25_24h"]
    assert judged.worst_value == pytest.approx(dry_mass(np.array([191.5]), np.array([92.0]))[0], abs=0.01)
    assert judged.rule_version != raw[0].rule_version
    reference = alarms_of(core(Device("air-1", "s"), told).step([event(0, wet), tick(at(27))]))
    assert [(a.rule, a.rule_version) for a in reference] == [(raw[0].rule, raw[0].rule_version)]


def test_the_index_takes_corrected_hours_where_told() -> None:
    told = replace(UNGATED, derivations={"vn_aqi": live_vn_aqi.Settings(pm25="corrected")})
    story = [event(0, rows(PM * 2, HUMIDITY * 2)), tick(at(13))]
    index = series(core(told=told).step(story), "vn_aqi")
    expected = vn_aqi.hourly({"pm25": dry_mass(np.array(PM * 2) + 1.5, np.array(HUMIDITY * 2))}).value
    raw = vn_aqi.hourly({"pm25": np.array(PM * 2) + 1.5}).value
    assert [index.get(at(k), (-1, 0))[0] for k in range(12)] == expected.tolist()
    assert [series(core().step(story), "vn_aqi").get(at(k), (-1, 0))[0] for k in range(12)] == raw.tolist() != expected.tolist()


def test_a_model_of_ones_own_may_look_an_hour_back() -> None:
    own = OwnModel(("one", "pm", "root_pm_before"), (1.0, 0.5, 2.0), "ours", "3")
    told = replace(UNGATED, corrections=CorrectionSettings((own,)))
    emits = core(Device("air-1", "s", correction="ours/3"), told).step([event(0, rows(PM, HUMIDITY)), tick(at(7))])
    means = np.array(PM) + 1.5
    expected = 1.0 + 0.5 * means[1:] + 2.0 * np.sqrt(means[:-1])
    assert [value for _, (value, _) in sorted(series(emits, "pm25_corrected").items())] == pytest.approx(expected.tolist())


def test_a_model_of_days_gives_a_value_a_day() -> None:
    device = Device("air-1", "s", correction="purpleair_daily/1")
    pm = [20.0 + k % 5 for k in range(48)]
    emits = core(device).step([event(0, rows(pm, [70.0] * 48, 25.0)), tick(at(49))])
    days = series(emits, "pm25_corrected_day")
    inputs = {"pm": [np.mean(pm[:24]) + 1.5], "humidity": [70.0], "temperature": [25.0], "day_of_year": [329.0]}
    expected = DAILY.apply({name: np.array(value) for name, value in inputs.items()})
    assert len(DAILY.terms) == len(DAILY_TERMS)
    assert days[START_MS][0] == pytest.approx(expected[0])
    assert set(days) == {START_MS, START_MS + 24 * HOUR_MS}
    assert series(emits, "pm25_corrected") == {}


def test_a_model_nobody_knows_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"device.air-1.correction: 'magic/1'; expected one of kappa_koehler/1, purpleair_daily/1"):
        core(Device("air-1", "s", correction="magic/1"))
    table = {"model": [{"name": "m", "version": "1", "terms": ["pm", "moon"], "weights": [1.0]}]}
    with pytest.raises(ConfigError) as err:
        from_table(CorrectionSettings, table, "core.toml")
    assert [problem.key for problem in err.value.problems] == ["model[0].terms", "model[0].weights"]


def test_only_an_air_station_is_corrected(tmp_path: Path) -> None:
    text = (
        'name_vi = "P"\nname_en = "T"\narea = [{id = "a"}]\n'
        'site = [{id = "s", area = "a", vi = "S", en = "S", latitude = 1, longitude = 1}]\n'
        'device = [{id = "x", site = "s", kind = "%s", correction = "kappa_koehler/1"}]\n'
    )
    (tmp_path / "city.toml").write_text(text % "air")
    assert load_city(tmp_path / "city.toml").devices["x"].correction == "kappa_koehler/1"
    (tmp_path / "city.toml").write_text(text % "loop")
    with pytest.raises(ConfigError, match="of a device of kind 'loop'"):
        load_city(tmp_path / "city.toml")


def test_a_replay_names_the_model_with_every_value(tmp_path: Path) -> None:
    file = tmp_path / "air.csv"
    file.write_text("time,pm25,rh\n" + "".join(f"2026-03-01 {hour:02}:00,{20 + hour},80\n" for hour in range(10)))
    done = CliRunner().invoke(replay, [str(file), "--correct", "kappa_koehler/1", "--only", "observation"], catch_exceptions=False)
    found = [line for line in map(json.loads, done.stdout.splitlines()) if line["quantity"] == "pm25_corrected"]
    assert {line["model"] for line in found} == {"kappa_koehler/1"}
    expected = dry_mass(np.arange(20.0, 30.0), np.full(10, 80.0)).tolist()
    assert [line["value"] for line in found] == pytest.approx(expected)
