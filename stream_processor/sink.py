"""The sink: observations of the log into the series store. Written first, committed after; keyed writes make redelivery harmless.

Where the store is away the sink lags and backs off; detection does not notice. An observation that nobody can read becomes a dead letter
in the same commit as the offset behind it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

import msgspec
import numpy as np

from city_model.codec import observations
from city_model.events import DeadLetter, Event, EventType, Readings
from city_model.faults import Fenced, Rejected, Unavailable
from city_model.topics import DEAD_LETTER, DEFAULT_PARTITIONS, LOG_TOPICS, OBSERVATIONS
from stream_processor.logs.port import EventLog, Output, Owner, Reader, Stored
from stream_processor.logs.records import from_record, to_record
from stream_processor.stores.port import Points, SeriesStore

GROUP = "sink"
_MOST_RECORDS = 500
_MOST_POINTS = 50_000
_LONGEST_PAUSE_S = 10.0
log = logging.getLogger("saola.sink")


@dataclass(slots=True)
class SinkCounts:
    """What the sink did since it started."""

    records: int = 0
    points: int = 0
    dead_lettered: int = 0
    retries: int = 0
    owned: set[int] = field(default_factory=set)


async def run_sink(event_log: EventLog, store: SeriesStore, stop: asyncio.Event, counts: SinkCounts | None = None) -> None:
    """Be a member of the group `sink` until `stop` is set; then give the partitions up at once."""
    counts = counts if counts is not None else SinkCounts()
    await event_log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
    member = await event_log.join(GROUP, OBSERVATIONS, f"{socket.gethostname()}-{os.getpid()}")
    tasks: dict[int, asyncio.Task[None]] = {}
    try:
        while not stop.is_set():
            assigned = await member.assigned()
            for gone in tasks.keys() - assigned:
                await _end(tasks.pop(gone))
            for new in sorted(assigned - tasks.keys()):
                tasks[new] = asyncio.create_task(_keep_draining(event_log, store, new, counts), name=f"sink-p{new}")
            for task in tasks.values():
                if task.done():
                    task.result()  # a bug: let it out
            await _pause(stop, 0.5)
    finally:
        for task in tasks.values():
            await _end(task)
        await member.leave()


async def _keep_draining(event_log: EventLog, store: SeriesStore, partition: int, counts: SinkCounts) -> None:
    """Take the partition over and drain it, again and again, until cancelled."""
    failures = 0
    while True:
        try:
            counts.owned.add(partition)
            async with aclosing(_drain(event_log, store, partition, counts)) as drained:
                async for _ in drained:
                    failures = 0
        except Fenced:
            await asyncio.sleep(1.0)  # the group will tell whose it is
        except Unavailable as err:
            counts.retries += 1
            if failures == 0:
                log.warning("cannot write observations, will try again", extra={"partition": partition, "error": str(err)})
            await asyncio.sleep(min(0.2 * 2**failures, _LONGEST_PAUSE_S) * (0.5 + random.random()))
            failures = min(failures + 1, 10)
        finally:
            counts.owned.discard(partition)


async def _drain(event_log: EventLog, store: SeriesStore, partition: int, counts: SinkCounts) -> AsyncGenerator[int, None]:
    """Own the partition and go on from the committed offset; yields each offset that was committed."""
    owner: Owner | None = None
    reader: Reader | None = None
    try:
        owner = await event_log.own(GROUP, OBSERVATIONS, partition)
        reader = await event_log.reader(OBSERVATIONS, partition, await owner.committed() or 0)
        while True:
            rows = await reader.fetch(_MOST_RECORDS, wait_s=1.0)
            if not rows:
                continue
            batches, letters = sort_out(rows)
            for points in batches:
                await asyncio.to_thread(store.write, points)
                counts.points += len(points.at_ms)
            await owner.commit(letters, rows[-1].offset + 1)
            counts.records += len(rows)
            counts.dead_lettered += len(letters)
            yield rows[-1].offset + 1
    finally:
        for held in (reader, owner):
            if held is not None:
                with suppress(Unavailable):
                    await held.close()


def sort_out(rows: Sequence[Stored]) -> tuple[list[Points], list[Output]]:
    """Points to write, in log order (so that a later revision wins), and dead letters for what cannot be read. Reports carry no points."""
    good: list[tuple[Readings, int]] = []
    letters: list[Output] = []
    for row in rows:
        try:
            event = from_record(row.record)
            if event.type == EventType.OBSERVATIONS:
                good.append(_decode(event.data))
        except Rejected as err:
            letters.append(_dead_letter(row, err))
    return list(_joined(good)), letters


def _decode(data: bytes) -> tuple[Readings, int]:
    readings, flags = observations.decode(data)
    if not np.isfinite(readings.value).all():
        raise Rejected("not_finite", "a value of an observation is NaN or infinite")
    return readings, flags & 0xFF


def _joined(good: Sequence[tuple[Readings, int]]) -> Iterator[Points]:
    """Several observations as one write, as long as it stays small: one transaction is cheaper than ten."""
    batch: list[tuple[Readings, int]] = []
    for readings, flags in good:
        if batch and sum(len(r) + len(r.names) for r, _ in batch) + len(readings) + len(readings.names) > _MOST_POINTS:
            yield _points(batch)
            batch = []
        batch.append((readings, flags))
    if batch:
        yield _points(batch)


def _points(batch: Sequence[tuple[Readings, int]]) -> Points:
    names: dict[str, int] = {}
    index = []
    for readings, _ in batch:
        table = np.array([names.setdefault(name, len(names)) for name in readings.names], np.uint16)
        index.append(table[readings.name_index])
    return Points(
        tuple(names),
        np.concatenate(index),
        np.concatenate([readings.at_ms for readings, _ in batch]),
        np.concatenate([readings.value for readings, _ in batch]),
        np.concatenate([np.full(len(readings), flags, np.uint8) for readings, flags in batch]),
    )


def _dead_letter(row: Stored, err: Rejected) -> Output:
    value = row.record.value or b""
    letter = DeadLetter(err.code, err.detail, f"{row.topic}/{row.partition}@{row.offset}", "", row.record.at_ms, len(value), value[:65_536])
    data = msgspec.json.encode(letter)
    event = Event(EventType.DEAD_LETTER, "saola", f"sink-{row.partition}", "", -1, 1, row.record.at_ms, "application/json", data)
    return Output(DEAD_LETTER, to_record(event, key=row.record.key.decode(errors="replace")))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
