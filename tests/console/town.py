"""A small town for the console's tests: its registry, and events as the engine writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import numpy as np

from city_model.codec import observations
from city_model.events import Alarm, AlarmEvent, Command, Event, EventType, Readings, Report
from city_model.registry import Area, City, Device, Direction, Site
from city_model.topics import ALARM_EVENTS, ALARMS, DEFAULT_PARTITIONS, INPUTS, LOG_TOPICS, OBSERVATIONS, RULES, partition_of
from stream_processor.core.detectors.congestion import Settings as Congestion
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import from_record, to_record

T0 = 1_790_001_728_000  # 2026-09-21 21:42:08 in Vietnam
MINUTE_MS = 60_000

_DIRECTIONS = (Direction("north", "hướng Bắc", "northbound"), Direction("south", "hướng Nam", "southbound"))
_ROAD = (
    ("bd-111", "Ngã tư Chợ Cây Dừa", "Cay Dua Market junction", 11.0105, 106.6512),
    ("bd-112", "Ngã tư Địa Chất", "Dia Chat junction", 11.0001, 106.6545),
    ("bd-113", "Đại lộ Bình Dương – Sở Sao", "Binh Duong Boulevard – So Sao", 10.9893, 106.6561),
    ("bd-114", "Vòng xoay Phú Lợi", "Phu Loi roundabout", 10.9790, 106.6599),
    ("bd-115", "Ngã tư Hòa Lân", "Hoa Lan junction", 10.9684, 106.6650),
)
_CROSS = (
    ("hv-201", "Hùng Vương – Bạch Đằng", "Hung Vuong – Bach Dang", 10.9822, 106.6380),
    ("hv-202", "Ngã sáu Chợ Thủ", "Cho Thu six-way junction", 10.9813, 106.6470),
    ("hv-203", "Hùng Vương – Phú Lợi", "Hung Vuong – Phu Loi", 10.9830, 106.6720),
)
_AIR = (
    ("kk-01", "Trạm quan trắc Thủ Dầu Một", "Thu Dau Mot station", 10.9955, 106.6420),
    ("kk-02", "KCN Sóng Thần", "Song Than industrial park", 10.9738, 106.6748),
    ("kk-03", "Trường tiểu học Phú Lợi", "Phu Loi primary school", 10.9880, 106.6690),
    ("kk-04", "Công viên Bạch Đằng", "Bach Dang park", 10.9725, 106.6440),
    ("kk-05", "Bệnh viện đa khoa", "General hospital", 11.0060, 106.6680),
)


def town() -> City:
    """Two corridors of cameras and an airshed; `hv-203` and `kk-05` are meant to stay silent."""
    sites = [
        Site(id=name, area=area, vi=vi, en=en, latitude=lat, longitude=lon, order=i)
        for area, rows in (("bd-avenue", _ROAD), ("hv-street", _CROSS), ("airshed-1", _AIR))
        for i, (name, vi, en, lat, lon) in enumerate(rows)
    ]
    cameras = [Device(id=f"cam-{name}", site=name, kind="camera", directions=_DIRECTIONS) for name, *_ in (*_ROAD, *_CROSS)]
    stations = [Device(id=f"air-{name}", site=name, kind="air", quantities=("pm25", "pm10")) for name, *_ in _AIR]
    areas = (
        Area("bd-avenue", "Đại lộ Bình Dương", "Binh Duong Boulevard"),
        Area("hv-street", "Đường Hùng Vương", "Hung Vuong Street"),
        Area("airshed-1", "Vùng không khí Thủ Dầu Một", "Thu Dau Mot airshed"),
    )
    return City("Thành phố Thủ Dầu Một", "Thu Dau Mot City", area=areas, site=tuple(sites), device=(*cameras, *stations))


def jam(at_ms: int, camera: str = "cam-bd-114", direction: str = "south", **changes: object) -> Alarm:
    """A congestion alarm as the core makes it."""
    site = camera.removeprefix("cam-")
    area = town().sites[site].area
    alarm = Alarm(
        id=f"jam-{camera}-{direction}-{at_ms}", rule="congestion", rule_version="1+0a1b2c3d", kind="congestion",
        subject=f"{camera}/{direction}", device=camera, site=site, area=area, priority="high",
        onset_ms=at_ms - 2 * MINUTE_MS, opened_ms=at_ms, value=9.2, unit="km/h",
        threshold=15.0, worst_value=9.2, worst_ms=at_ms, confidence=0.94,
        evidence={"area_occupancy": 0.71, "flow_pcu_h": 612.0, "held_s": 120.0, "free_speed_kmh": 34.1},
    )  # fmt: skip
    return msgspec.structs.replace(alarm, **changes)


def smoke(at_ms: int, station: str = "air-kk-02", **changes: object) -> Alarm:
    """A pollution alarm as the core makes it."""
    alarm = Alarm(
        id=f"smoke-{station}-{at_ms}", rule="pm25_1h", rule_version="1+4e5f6071", kind="pollution", subject=f"{station}/pm25",
        device=station, site=station.removeprefix("air-"), area="airshed-1", priority="medium", onset_ms=at_ms, opened_ms=at_ms, value=83.4,
        unit="ug/m3", threshold=80.0, worst_value=97.1, worst_ms=at_ms, confidence=0.97,
        evidence={"mean": 97.1, "completeness": 0.97, "peak": 164.0, "window_s": 3600.0},
    )  # fmt: skip
    return msgspec.structs.replace(alarm, **changes)


def acknowledged(alarm: Alarm, at_ms: int, by: str = "operator") -> Alarm:
    return msgspec.structs.replace(alarm, response="acknowledged", acknowledged_by=by, acknowledged_ms=at_ms, version=alarm.version + 1)


def returned(alarm: Alarm, at_ms: int) -> Alarm:
    return msgspec.structs.replace(alarm, condition="returned", cleared_ms=at_ms, version=alarm.version + 1)


class Engine:
    """Writes into the log what the engine would: no rules, only its words."""

    def __init__(self, log: EventLog, city: City) -> None:
        self.log = log
        self.city = city

    async def prepare(self) -> None:
        await self.log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)

    async def alarm(self, event: AlarmEvent) -> None:
        """A transition and, unless it was a refusal, the state after it."""
        partition = partition_of(event.alarm.area, DEFAULT_PARTITIONS)
        await self.write(ALARM_EVENTS, partition, EventType.ALARM_EVENT, event.at_ms, msgspec.json.encode(event), event.alarm.area)
        if event.transition != "refused":
            await self.write(ALARMS, partition, EventType.ALARM, event.at_ms, msgspec.json.encode(event.alarm), event.alarm.id)

    async def opened(self, alarm: Alarm) -> None:
        await self.alarm(AlarmEvent("opened", alarm.opened_ms, alarm.rule, "", alarm))

    async def alarm_returned(self, alarm: Alarm, at_ms: int) -> None:
        await self.alarm(AlarmEvent("cleared", at_ms, alarm.rule, "", returned(alarm, at_ms)))

    async def observe(self, area: str, at_ms: int, values: Mapping[str, float]) -> None:
        names = tuple(values)
        n = len(names)
        readings = Readings(names, np.arange(n, dtype=np.uint16), np.full(n, at_ms, np.int64), np.array(list(values.values()), np.float64))
        await self.observations(area, readings)

    async def observations(self, area: str, readings: Readings) -> None:
        partition = partition_of(area, DEFAULT_PARTITIONS)
        data = observations.encode(readings)
        await self.write(OBSERVATIONS, partition, EventType.OBSERVATIONS, int(readings.at_ms[-1]), data, area, observations.CONTENT_TYPE)

    async def report(self, at_ms: int, partition: int = 0, **counts: int) -> None:
        data = msgspec.json.encode(Report(at_ms, partition, counts))
        await self.write(OBSERVATIONS, partition, EventType.REPORT, at_ms, data, f"p{partition}")

    async def rules(self, at_ms: int) -> None:
        """What the core judges by, with one threshold changed."""
        settings = load_core_settings(None)
        changed = {**settings.detectors, "congestion": Congestion(slow_below_kmh=12.0)}
        emit = Core(self.city, replace(settings, detectors=changed), 0).rules(at_ms)
        assert emit.event is not None
        await self.write(RULES, 0, EventType.RULES, at_ms, emit.event.data, emit.key)

    async def write(
        self, topic: str, partition: int, kind: str, at_ms: int, data: bytes, key: str, content_type: str = "application/json"
    ) -> None:
        event = Event(kind, "saola", f"engine-{partition}", "", -1, 1, at_ms, content_type, data)
        await self.log.append(topic, [(partition, to_record(event, key=key))])

    async def answer_commands(self, area: str, alarms: dict[str, Alarm]) -> None:
        """Acknowledge or refuse what comes into `inputs` of `area`, until cancelled."""
        reader = await self.log.reader(INPUTS, partition_of(area, DEFAULT_PARTITIONS), 0)
        while True:
            for row in await reader.fetch(10, wait_s=1.0):
                command = msgspec.json.decode(from_record(row.record).data, type=Command)
                alarm = alarms[command.alarm_id]
                if command.version != alarm.version or alarm.response == "acknowledged":
                    await self.alarm(AlarmEvent("refused", command.at_ms, command.by, "the alarm has changed", alarm, command.id))
                    continue
                done = alarms[alarm.id] = acknowledged(alarm, command.at_ms, command.by)
                await self.alarm(AlarmEvent("acknowledged", command.at_ms, command.by, command.note, done, command.id))
