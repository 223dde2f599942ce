"""Loops and radars: from a message on the broker, or a CSV without times, to a congestion alarm and a state on the page."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from broker_config.acl import Access
from city_model.clock import ManualClock
from city_model.events import Alarm
from city_model.faults import ConfigError
from city_model.registry import Area, City, Device, Site, load_city
from city_model.settings import from_table
from city_model.topics import INPUTS, LOG_TOPICS, mqtt_topic
from city_model.transport.local import LocalBroker
from city_model.transport.port import Message
from dashboards.console.sites import LOOP_FRESH_MS, device_now
from edge_agent.sources.air_map import AirMap, load_map
from edge_agent.sources.air_table import read_stations
from simulators.ledger import newest_reports, read_alarms, read_all
from simulators.replay import replay
from stream_processor.bridge import run_bridge
from stream_processor.core.sensors.gate import Gate
from stream_processor.core.sensors.port import Fault
from stream_processor.core.settings import load_core_settings
from stream_processor.engine import Engine, EngineSettings, tick_event
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.records import from_record, to_record

STEP_MS, NOON_MS = 300_000, 1_795_600_800_000
LOOP = Device("loop-1", "km-9", "loop", quantities=("speed_kmh", "flow_veh_h", "time_occupancy"))
CITY = City(
    "Phố", "Town", area=(Area("ring-road"),), site=(Site("km-9", "ring-road", "Km 9", "Km 9", 11.0, 106.0),),
    device=(LOOP, Device("air-9", "km-9", "air", quantities=("pm25",))),
)  # fmt: skip


def speeds(n: int, jam: slice = slice(60, 72)) -> np.ndarray:
    values = np.round(70 + np.random.default_rng(1).normal(0, 3, n), 1)
    values[jam] -= 52.0
    return values


def telemetry(at_ms: int, speed: float, *, device: str = "loop-1") -> Message:
    """SenML as a roadside unit sends it, without any envelope."""
    records = [
        {"bn": f"{device}:", "bt": at_ms / 1000, "n": "speed_kmh", "u": "km/h", "v": speed}, {"n": "flow_veh_h", "u": "veh/h", "v": 1800},
        {"n": "time_occupancy", "u": "/", "v": 0.12},
    ]  # fmt: skip
    return Message(mqtt_topic("km-9", device, "telemetry"), json.dumps(records).encode(), "application/senml+json")


async def test_from_the_broker_to_the_alarm(tmp_path: Path) -> None:
    log = await EmbeddedLog.open(tmp_path / "log")
    await log.ensure_topics(LOG_TOPICS, 1)
    broker, clock, stop, ready = LocalBroker(Access(CITY)), ManualClock(NOON_MS), asyncio.Event(), asyncio.Event()
    bridge = asyncio.create_task(run_bridge(broker.client("bridge"), log, lambda: CITY, clock, stop, client_id="bridge", ready=ready))
    settings = EngineSettings(ticks="external", batch_records=20, catch_bugs=False)
    engine = asyncio.create_task(Engine(log, CITY, load_core_settings(None), clock, settings).run("one", stop))
    await ready.wait()
    loop = broker.client("loop-1")
    await loop.connect("loop-1")
    for k, speed in enumerate(speeds(100).tolist()):
        await loop.publish(telemetry(NOON_MS + k * STEP_MS, speed))
    async with asyncio.timeout(30):
        while len(await read_all(log, INPUTS)) < 100:
            await asyncio.sleep(0.01)
        end_ms = NOON_MS + 110 * STEP_MS  # a sender without a sequence is judged when the bound has passed
        await log.append(INPUTS, [(0, to_record(tick_event(end_ms, "test")))])
        while (reports := await newest_reports(log)).get(0) is None or reports[0].at_ms < end_ms:
            await asyncio.sleep(0.01)
    (alarm,) = [a for a in await read_alarms(log) if a.kind == "congestion"]
    rows = [from_record(row.record) for row in await read_all(log, INPUTS)]
    stop.set()
    await asyncio.gather(bridge, engine)
    await log.close()
    assert (alarm.rule, alarm.subject, alarm.condition) == ("loop_congestion", "loop-1", "returned")
    assert alarm.onset_ms == NOON_MS + 59 * STEP_MS
    assert {row.area for row in rows[:100]} == {"ring-road"}


def test_a_csv_without_times_where_every_column_is_a_loop(tmp_path: Path) -> None:
    header, columns = "717447,717446", np.stack([speeds(200), speeds(200, slice(0, 0))], axis=1) / 1.609344
    file, air_map = tmp_path / "speed.csv", tmp_path / "map.toml"
    file.write_text("\n".join([header, *(f"{a},{b}" for a, b in columns.tolist())]))
    air_map.write_text(
        'start = "2026-03-02T00:00:00"\nstep_s = 300\ntimezone = "Asia/Ho_Chi_Minh"\nmissing = ["0"]\n'
        '[each_column]\nquantity = "speed_kmh"\nunit = "mph"\n'
    )
    done = CliRunner().invoke(replay, [str(file), "--map", str(air_map), "--only", "alarm"], catch_exceptions=False)
    congestion = [line for line in map(json.loads, done.stdout.splitlines()) if line["rule"] == "loop_congestion"]
    assert {line["station"] for line in congestion} == {"717447"}
    opened = next(line for line in congestion if line["transition"] == "opened")
    alarm = msgspec.convert(opened["alarm"], Alarm)
    assert opened["time"] == "2026-03-02T05:10:00+07:00"  # the third slow reading
    assert alarm.evidence["free_speed_kmh"] == pytest.approx(73, abs=1)


def test_a_map_takes_one_column_of_many_and_counts_time_over_lines(tmp_path: Path) -> None:
    file, air_map = tmp_path / "speed.csv", tmp_path / "map.toml"
    file.write_text("a;b\n10;x\n;30\n20;40\n")
    air_map.write_text('start = "2026-03-02T00:00:00+00:00"\nstep_s = 60\nstation = "b"\n[each_column]\nquantity = "speed_kmh"\n')
    (table,) = read_stations(file, load_map(air_map)).values()
    first_ms = 1_772_409_600_000
    assert (table.readings.at_ms.tolist(), table.readings.value.tolist()) == ([first_ms + 60_000, first_ms + 120_000], [30.0, 40.0])
    assert str(table.bad) == "1 with an unreadable number; first in lines 2"


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"each_column": {"quantity": "speed_kmh"}, "columns": {"a": {"quantity": "pm25"}}}, "each_column"),
        ({"start": "2026-03-02"}, "start"),
        ({"start": "2026-03-02", "step_s": 60, "time": ["when"]}, "start"),
        ({"start": "noon", "step_s": 60}, "start"),
        ({"station": "a"}, "station"),
    ],
)
def test_a_map_that_cannot_be_is_told(table: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as err:
        from_table(AirMap, table, "map.toml")
    assert [problem.key for problem in err.value.problems] == [key]


def test_a_jam_is_no_fault_of_the_loop_and_a_loop_that_stands_still_is() -> None:
    gate = Gate()
    row, values = gate.memory.row("loop-1", "speed_kmh"), speeds(600, slice(500, 530))
    values[560:] = 66.6
    found = gate.judge(np.full(600, row), NOON_MS + np.arange(600, dtype=np.int64) * STEP_MS, values)
    assert not found[:560].any()
    assert set(found[575:].tolist()) == {int(Fault.STUCK)}


def test_only_a_loop_may_say_what_a_road_loop_says(tmp_path: Path) -> None:
    text = (
        'name_vi = "Phố"\nname_en = "Town"\narea = [{id = "a"}]\n'
        'site = [{id = "s", area = "a", vi = "S", en = "S", latitude = 1, longitude = 1}]\n'
        'device = [{id = "x", site = "s", kind = "%s", quantities = ["speed_kmh", "pm25"]}]\n'
    )
    (tmp_path / "city.toml").write_text(text % "loop")
    assert load_city(tmp_path / "city.toml").devices["x"].kind == "loop"
    (tmp_path / "city.toml").write_text(text % "air")
    with pytest.raises(ConfigError, match="speed_kmh of a device of kind 'air'"):
        load_city(tmp_path / "city.toml")


@pytest.mark.parametrize(
    ("speed", "flow", "age_ms", "is_open", "state"),
    [
        (60.0, 900.0, 0, False, "free"), (12.0, 900.0, 0, False, "slow"), (12.0, 900.0, 0, True, "jam"), (0.0, 0.0, 0, False, "free"),
        (12.0, 900.0, LOOP_FRESH_MS + 1, True, "unknown"),
    ],
)  # fmt: skip
def test_what_the_page_says_of_a_loop(speed: float, flow: float, age_ms: int, is_open: bool, state: str) -> None:
    figures = {"speed_kmh": (NOON_MS - age_ms, speed), "flow_veh_h": (NOON_MS - age_ms, flow)}
    now = device_now(LOOP, figures, NOON_MS, frozenset({"loop-1"}) if is_open else frozenset())
    assert (now.state, [d.state for d in now.directions]) == (state, [state])
    assert now.values["speed_kmh"] == (speed, NOON_MS - age_ms)
