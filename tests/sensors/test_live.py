"""Sick sensors in the whole core: flagged, told to technicians, and never an alarm about the air."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from city_model.codec import observations
from city_model.events import Alarm, Event
from city_model.topics import ALARMS, OBSERVATIONS
from stream_processor.core.sensors.live import SensorSettings
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core, Emit
from stream_processor.stores.port import Flag
from tests.core.city import NOON_MS, tick
from tests.sensors.town import MINUTE_MS, SICK, STATIONS, TOWN, air, events

MINUTES = 3000
SETTINGS = replace(load_core_settings(None), future_s=3600.0)
"""Half an hour in a message is ahead of the last tick, and no clock fault here."""


def story(name: str = "", sick: str = "air-3") -> list[Event]:
    """Every station's messages as they would come, with a tick after each half hour."""
    of = {s: events(SICK[name](air(MINUTES, i)) if s == sick and name else air(MINUTES, i), s) for i, s in enumerate(STATIONS)}
    out: list[Event] = []
    for k in range(MINUTES // 30):
        out += [of[s][k] for s in STATIONS]
        out.append(tick(NOON_MS + ((k + 1) * 30 - 1) * MINUTE_MS + 1))
    return out


def alarms_of(emits: list[Emit]) -> list[Alarm]:
    last: dict[str, Alarm] = {}
    for emit in emits:
        if emit.topic == ALARMS and emit.event is not None:
            alarm = msgspec.json.decode(emit.event.data, type=Alarm)
            last[alarm.id] = alarm
    return list(last.values())


def test_healthy_stations_raise_nothing() -> None:
    assert not alarms_of(Core(TOWN, SETTINGS, 0).step(story()))


@pytest.mark.parametrize("name", sorted(SICK))
def test_a_sick_sensor_is_maintenance_and_never_pollution(name: str) -> None:
    alarms = alarms_of(Core(TOWN, SETTINGS, 0).step(story(name)))
    assert not [a for a in alarms if a.kind == "pollution"]
    sick = {a.subject for a in alarms if a.kind == "maintenance"}
    assert sick == ({"air-3/pm25"} if name != "spike" else sick & {"air-3/pm25"})


def test_without_the_gate_the_same_sensor_would_alarm_the_city() -> None:
    alarms = alarms_of(Core(TOWN, replace(SETTINGS, sensors=SensorSettings(gate="off")), 0).step(story("bias")))
    assert {a.kind for a in alarms} == {"pollution"}


def test_a_fire_that_all_neighbours_see_is_pollution() -> None:
    fire = np.concatenate([np.zeros(2000), np.linspace(0, 150, 10), np.full(90, 150.0), np.zeros(MINUTES - 2100)])
    of = {s: events(air(MINUTES, i) + fire, s) for i, s in enumerate(STATIONS)}
    emits = Core(TOWN, SETTINGS, 0).step([e for k in range(MINUTES // 30) for s in STATIONS for e in [of[s][k]]])
    assert {a.subject for a in alarms_of(emits) if a.rule == "pm25_1h"} == {f"{s}/pm25" for s in STATIONS}


def test_what_is_set_apart_is_in_the_series_under_its_flag() -> None:
    emits = Core(TOWN, SETTINGS, 0).step(events(SICK["saturated"](air(MINUTES, 0)), "air-0"))
    flags: dict[int, int] = {}
    for emit in emits:
        if emit.topic == OBSERVATIONS and emit.event is not None and emit.event.content_type == observations.CONTENT_TYPE:
            points, flag = observations.decode(emit.event.data)
            if "air-0/pm25" in points.names:
                flags |= dict.fromkeys(points.at_ms[points.name_index == points.names.index("air-0/pm25")].tolist(), flag)
    marks = np.array([flags[NOON_MS + k * MINUTE_MS] for k in range(MINUTES)])
    assert not marks[:2000].any()
    assert (marks[2000:] == Flag.SICK).all()


def test_of_a_backlog_what_no_air_can_be_is_set_apart_and_in_no_index() -> None:
    values = air(400, 0)
    values[200:] = 999.0
    machine = Core(TOWN, SETTINGS, 0)
    emits = machine.step([tick(NOON_MS + 48 * 60 * MINUTE_MS), *events(values, "air-0"), tick(NOON_MS + 49 * 60 * MINUTE_MS)])
    flags: dict[int, int] = {}
    index: list[float] = []
    for emit in emits:
        if emit.topic == OBSERVATIONS and emit.event is not None and emit.event.content_type == observations.CONTENT_TYPE:
            points, flag = observations.decode(emit.event.data)
            if "air-0/pm25" in points.names:
                flags |= dict.fromkeys(points.at_ms[points.name_index == points.names.index("air-0/pm25")].tolist(), flag)
            if "air-0/vn_aqi" in points.names:
                index += points.value[points.name_index == points.names.index("air-0/vn_aqi")].tolist()
    assert [flags[NOON_MS + k * MINUTE_MS] for k in (199, 200, 399)] == [Flag.LATE, Flag.LATE | Flag.SICK, Flag.LATE | Flag.SICK]
    assert index
    assert max(index) < 150
    assert not alarms_of(emits)


def test_a_silent_station_is_told_once_and_ends_when_it_reports_again() -> None:
    core, sent = Core(TOWN, SETTINGS, 0), events(air(200, 0), "air-0")
    core.step(sent[:2])
    (silent,) = alarms_of(core.step([tick(NOON_MS + 90 * MINUTE_MS), tick(NOON_MS + 91 * MINUTE_MS)]))
    assert (silent.kind, silent.subject, silent.condition, sorted(silent.evidence)) == ("maintenance", "air-0", "active", ["fault_silent"])
    again = [a for a in alarms_of(core.step(sent[2:])) if a.subject == "air-0"]
    assert [a.condition for a in again] == ["returned"]


def test_cuts_and_restarts_give_the_same_bytes() -> None:
    sent = story("bias")[: 7 * 90]
    whole = Core(TOWN, SETTINGS, 0).step(sent)
    machine, emits = Core(TOWN, SETTINGS, 0), []
    for start in range(0, len(sent), 50):
        emits += machine.step(sent[start : start + 50])
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(machine.snapshot()))
        machine = Core(TOWN, SETTINGS, 0)
        machine.restore(state)
    assert [a.id for a in alarms_of(emits)] == [a.id for a in alarms_of(whole)]
