"""A simulated day through the whole core: three incidents, a gateway lost, twenty chattering sensors, and people who can still work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from city_model.codec import packed, samples
from city_model.events import Alarm, AlarmEvent, Event, EventType, Readings, Status, Tick, TrafficSample
from city_model.registry import Area, City, Device, Direction, Site
from city_model.topics import ALARM_EVENTS
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core

MIDNIGHT_MS = 1_795_626_000_000  # 2026-11-26 00:00 in Vietnam
MINUTE_MS, HOUR_MS, DAY_MIN = 60_000, 3_600_000, 1440
CAMERAS = [f"cam-{i}" for i in range(6)]
CHATTERING = [f"air-{i:02}" for i in range(20)]
GOOD = [f"air-{i:02}" for i in range(20, 32)]
CARRIED = GOOD[:8]
JAMS = {"cam-1": (7 * 60 + 10, 8 * 60 + 20), "cam-4": (17 * 60, 18 * 60 + 15)}
SMOKE = {"air-30": (14 * 60, 16 * 60)}
GATEWAY_LOST_MIN = (10 * 60, 11 * 60)


def _site(name: str, i: int) -> Site:
    area = "corridor" if name.startswith("cam") else "airshed"
    return Site(f"s-{name}", area, name, name, 10.9 + 0.02 * (i % 7), 106.6 + 0.02 * (i // 7))


CITY = City(
    "Thành phố thử", "Test city", area=(Area("corridor"), Area("airshed")),
    site=tuple(_site(name, i) for i, name in enumerate([*CAMERAS, *CHATTERING, *GOOD])),
    device=(
        Device("gate", f"s-{GOOD[0]}", "agent"),
        *(Device(name, f"s-{name}", "camera", directions=(Direction("north"),)) for name in CAMERAS),
        *(Device(name, f"s-{name}", "air", "gate" if name in CARRIED else "", ("pm25",)) for name in [*CHATTERING, *GOOD]),
    ),
)  # fmt: skip


def _pm25(name: str, rnd: np.random.Generator) -> np.ndarray:
    """A daily rhythm with a sensor's noise; smoke where it burns; a loose contact where it chatters."""
    minute = np.arange(DAY_MIN)
    value = 24 + 9 * np.sin(2 * np.pi * (minute - 420) / DAY_MIN) ** 2 + rnd.normal(0, 1.2, DAY_MIN)
    if name in SMOKE:
        begin, end = SMOKE[name]
        value += np.interp(minute, [begin, begin + 15, end - 15, end], [0, 160, 160, 0])
    if name in CHATTERING:
        jumps = (minute // rnd.integers(2, 7)) % 2 == rnd.integers(0, 2)
        value = np.where(jumps, value, value + rnd.uniform(300, 500))
    return np.round(np.clip(value, 1, None), 1)


def _speeds(name: str, rnd: np.random.Generator) -> np.ndarray:
    speed = 38 + rnd.normal(0, 2.5, DAY_MIN)
    if name in JAMS:
        begin, end = JAMS[name]
        speed[begin:end] = 7 + rnd.normal(0, 1, end - begin)
    return np.clip(speed, 2, None)


def _day(partition_area: str) -> Iterator[Event]:
    """Everything of one area, minute by minute, with a tick after each."""
    rnd = np.random.default_rng(20261126)
    stations = {name: _pm25(name, rnd) for name in [*CHATTERING, *GOOD]} if partition_area == "airshed" else {}
    cameras = {name: _speeds(name, rnd) for name in CAMERAS} if partition_area == "corridor" else {}
    for minute in range(DAY_MIN):
        at_ms = MIDNIGHT_MS + minute * MINUTE_MS
        lost = GATEWAY_LOST_MIN[0] <= minute < GATEWAY_LOST_MIN[1]
        if stations and minute in GATEWAY_LOST_MIN:
            status = Status("offline" if lost else "online", at_ms)
            yield _event(EventType.STATUS, "gate", at_ms, msgspec.json.encode(status), minute)
        for name, values in stations.items():
            if not (lost and name in CARRIED):
                columns = Readings(("pm25",), np.zeros(1, np.uint16), np.array([at_ms]), values[minute : minute + 1])
                yield _event(EventType.READINGS, name, at_ms, packed.encode(columns), minute, packed.CONTENT_TYPE)
        for name, speeds in cameras.items():
            speed = float(speeds[minute])
            occupancy = 0.6 if speed < 15 else 0.12
            one = TrafficSample(at_ms, 60.0, "north", 20, 6, 1, 900.0, occupancy, 0.9, speed_kmh=speed)
            yield _event(EventType.SAMPLES, name, at_ms, samples.encode([one]), minute, samples.CONTENT_TYPE)
        yield _event(EventType.TICK, "clock", at_ms, msgspec.json.encode(Tick(at_ms)), -1)


def _event(kind: EventType, device: str, at_ms: int, data: bytes, seq: int, content_type: str = "application/json") -> Event:
    site = "saola" if device == "clock" else CITY.site_of(device).id
    return Event(kind, site, device, "b1" if seq >= 0 else "", seq, 1, at_ms, content_type, data)


@pytest.fixture(scope="module")
def transitions() -> list[AlarmEvent]:
    out: list[AlarmEvent] = []
    for area in ("corridor", "airshed"):
        core = Core(CITY, load_core_settings(None), 0)
        events = list(_day(area))
        for first in range(0, len(events), 500):
            emits = core.step(events[first : first + 500])
            out += [msgspec.json.decode(e.event.data, type=AlarmEvent) for e in emits if e.topic == ALARM_EVENTS and e.event]
    return out


@pytest.fixture(scope="module")
def opened(transitions: list[AlarmEvent]) -> list[Alarm]:
    return sorted((t.alarm for t in transitions if t.transition == "opened"), key=lambda a: a.opened_ms)


def test_operators_get_few_alarms_and_every_incident(opened: list[Alarm]) -> None:
    desk = [a for a in opened if a.kind != "maintenance" and a.display == "shown"]
    by_hour = Counter((a.opened_ms - MIDNIGHT_MS) // HOUR_MS for a in desk)
    assert len(desk) <= 12, [(a.rule, a.subject) for a in desk]
    assert max(by_hour.values()) <= 6
    assert {a.subject for a in desk if a.kind == "congestion"} == {f"{name}/north" for name in JAMS}
    assert {a.device for a in desk if a.kind == "pollution"} == set(SMOKE)
    for name, (begin, end) in (JAMS | SMOKE).items():
        (first, *_) = [a for a in desk if a.device == name]
        assert begin <= (first.opened_ms - MIDNIGHT_MS) / MINUTE_MS <= end


def test_a_lost_gateway_is_one_alarm(transitions: list[AlarmEvent]) -> None:
    begin, end = (MIDNIGHT_MS + minute * MINUTE_MS for minute in GATEWAY_LOST_MIN)
    during = {t.alarm.id: t.alarm for t in transitions if begin <= t.alarm.opened_ms < end and t.alarm.device in {"gate", *CARRIED}}
    shown = [a for a in during.values() if a.display == "shown" or a.rule == "gateway_down"]
    assert [(a.rule, a.subject) for a in shown] == [("gateway_down", "gate")]
    states = {t.alarm.id: t.alarm.condition for t in transitions}
    assert states[shown[0].id] == "returned"


def test_a_chattering_sensor_is_one_entry_of_the_maintenance_list(opened: list[Alarm]) -> None:
    entries = Counter(a.device for a in opened if a.kind == "maintenance" and a.device in CHATTERING)
    assert entries == dict.fromkeys(CHATTERING, 1)


def test_good_sensors_are_not_called_sick(opened: list[Alarm]) -> None:
    assert [(a.rule, a.subject) for a in opened if a.kind == "maintenance" and a.device in set(GOOD) - set(CARRIED)] == []
