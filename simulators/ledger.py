"""The delivery ledger: what agents accepted against what stands in the log, by (device, boot, seq), read back from the log itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import msgspec

from city_model.events import Alarm, AlarmEvent, Event, EventType, Report
from city_model.topics import ALARM_EVENTS, ALARMS, DEAD_LETTER, INPUTS, OBSERVATIONS
from stream_processor.logs.port import EventLog, Stored
from stream_processor.logs.records import from_record

_ITEMS = (EventType.READINGS, EventType.SAMPLES)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Items (readings, samples). `lost` = accepted and neither in the log nor answered with a dead letter."""

    accepted: int
    stored: int
    unique: int
    duplicates: int
    lost: int
    dead_lettered: int
    late: int


async def read_all(log: EventLog, topic: str) -> list[Stored]:
    """Every record of a topic as it stands now."""
    rows: list[Stored] = []
    for partition in range(await log.partitions(topic)):
        first, end = await log.bounds(topic, partition)
        reader = await log.reader(topic, partition, first)
        while reader.position < end:
            rows += await reader.fetch(5_000, wait_s=0.2)
        await reader.close()
    return rows


async def read_ledger(log: EventLog, accepted: int, rejected: int, besides: Collection[str] = ()) -> Ledger:
    """`accepted` and `rejected` are the agents' own counts; the rest is read from the log. What devices `besides` sent does not count."""
    spans: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    stored = 0
    for row in await read_all(log, INPUTS):
        event = from_record(row.record)
        if event.type in _ITEMS and event.device not in besides:
            stored += event.count
            spans[event.device, event.boot].append((event.seq, event.seq + event.count))
    unique = sum(_covered(ranges) for ranges in spans.values())
    dead = len(await read_all(log, DEAD_LETTER))
    late = sum(report.counts.get("late", 0) for report in (await newest_reports(log)).values())
    return Ledger(accepted, stored, unique, stored - unique, accepted - unique - rejected, dead, late)


def _covered(ranges: list[tuple[int, int]]) -> int:
    """How many sequence numbers the ranges [first, stop) cover together."""
    total, reached = 0, -1
    for first, stop in sorted(ranges):
        if stop > reached:
            total += stop - max(first, reached)
            reached = stop
    return total


async def newest_reports(log: EventLog) -> dict[int, Report]:
    """The engine's last account of each partition."""
    reports: dict[int, Report] = {}
    for row in await read_all(log, OBSERVATIONS):
        event = from_record(row.record)
        if event.type == EventType.REPORT:
            reports[row.partition] = msgspec.json.decode(event.data, type=Report)
    return reports


async def read_alarms(log: EventLog) -> list[Alarm]:
    """The current state of every alarm, from the compacted topic."""
    alarms: dict[bytes, Alarm | None] = {}
    for row in await read_all(log, ALARMS):
        alarms[row.record.key] = msgspec.json.decode(row.record.value, type=Alarm) if row.record.value is not None else None
    return [alarm for alarm in alarms.values() if alarm is not None]


async def read_transitions(log: EventLog) -> list[AlarmEvent]:
    """Every transition of every alarm."""
    return [msgspec.json.decode(_event(row).data, type=AlarmEvent) for row in await read_all(log, ALARM_EVENTS)]


async def dead_letter_codes(log: EventLog) -> dict[str, int]:
    """Dead letters by their code."""
    codes = Counter(str(msgspec.json.decode(_event(row).data)["code"]) for row in await read_all(log, DEAD_LETTER))
    return dict(sorted(codes.items()))


def _event(row: Stored) -> Event:
    return from_record(row.record)


async def caught_up(log: EventLog, end_ms: int, checks: Sequence[Callable[[], None]]) -> None:
    """Return when every partition has acted on the tick of `end_ms`. `checks` raise what may have died meanwhile."""
    for partition in range(await log.partitions(OBSERVATIONS)):
        first, _ = await log.bounds(OBSERVATIONS, partition)
        reader = await log.reader(OBSERVATIONS, partition, first)
        reached_ms = -1
        while reached_ms < end_ms:
            for row in await reader.fetch(5_000, wait_s=0.2):
                event = _event(row)
                if event.type == EventType.REPORT:
                    reached_ms = event.at_ms
            for check in checks:
                check()
        await reader.close()
