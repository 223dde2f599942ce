"""The recorded past through the core again: what stood in `inputs`, judged with the same settings or with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from city_model.codec import observations
from city_model.events import Alarm, AlarmEvent, Event, EventType
from city_model.faults import Rejected
from city_model.registry import City
from city_model.topics import ALARM_EVENTS, ALARMS, INPUTS, OBSERVATIONS
from stream_processor.core.settings import CoreSettings
from stream_processor.core.step import Core
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import from_record

_AT_ONCE = 2_000
_decode = msgspec.json.Decoder(Alarm).decode
_decode_event = msgspec.json.Decoder(AlarmEvent).decode


@dataclass(frozen=True, slots=True)
class Point:
    """One observation of a series: when, how much, flags of `stores.port.Flag`."""

    series: str
    at_ms: int
    value: float
    flags: int


async def inputs(log: EventLog, partition: int, since_ms: int = 0) -> list[Event]:
    """What stands in a partition of `inputs`, from event time `since_ms` on, in order; records that cannot be read are left out."""
    first, end = await log.bounds(INPUTS, partition)
    reader = await log.reader(INPUTS, partition, first)
    events: list[Event] = []
    try:
        while reader.position < end:
            for row in await reader.fetch(_AT_ONCE, wait_s=1.0):
                if row.offset >= end or row.record.at_ms < since_ms:
                    continue
                try:
                    events.append(from_record(row.record))
                except Rejected:
                    continue  # a dead letter then, a dead letter now
    finally:
        await reader.close()
    return events


async def current_alarms(log: EventLog) -> list[Alarm]:
    """The newest state of every alarm that `alarms` holds, oldest first."""
    newest: dict[str, Alarm | None] = {}
    for partition in range(await log.partitions(ALARMS)):
        first, end = await log.bounds(ALARMS, partition)
        reader = await log.reader(ALARMS, partition, first)
        try:
            while reader.position < end:
                for row in await reader.fetch(_AT_ONCE, wait_s=1.0):
                    value = row.record.value
                    newest[row.record.key.decode(errors="replace")] = None if value is None else _decode(value)
        finally:
            await reader.close()
    return sorted((a for a in newest.values() if a is not None), key=lambda a: (a.opened_ms, a.id))


def rerun(city: City, settings: CoreSettings, partition: int, events: Sequence[Event]) -> list[Alarm]:
    """The last state of every alarm that `events` raise, as a fresh core judges them."""
    newest: dict[str, Alarm] = {}
    core = Core(city, settings, partition)
    for first in range(0, len(events), _AT_ONCE):
        for emit in core.step(events[first : first + _AT_ONCE]):
            if emit.topic == ALARM_EVENTS and emit.event is not None:
                event = _decode_event(emit.event.data)
                newest[event.alarm.id] = event.alarm
    return sorted(newest.values(), key=lambda a: (a.opened_ms, a.id))


def observed(city: City, settings: CoreSettings, partition: int, events: Sequence[Event], device: str) -> list[Point]:
    """Every observation of `device` that the core makes of `events`, with its flags."""
    points: list[Point] = []
    core = Core(city, settings, partition)
    for first in range(0, len(events), _AT_ONCE):
        for emit in core.step(events[first : first + _AT_ONCE]):
            if emit.topic == OBSERVATIONS and emit.event is not None and emit.event.type == EventType.OBSERVATIONS:
                readings, flags = observations.decode(emit.event.data)
                rows = zip(readings.name_index.tolist(), readings.at_ms.tolist(), readings.value.tolist(), strict=True)
                points += [Point(readings.names[i], at, v, int(flags)) for i, at, v in rows if readings.names[i].startswith(device + "/")]
    return points
