"""The sink: observations of the log into the series store. Written first, committed after; keyed writes make redelivery harmless.

Where the store is away the sink lags and backs off; detection does not notice. An observation that nobody can read, and points that the
store will never take, become dead letters in the same commit as the offset behind them; everything else is written.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, fields

import msgspec
import numpy as np

from city_model.codec import observations
from city_model.events import DeadLetter, Event, EventType, Readings
from city_model.faults import Fenced, Rejected, Unavailable
from city_model.topics import DEAD_LETTER, DEFAULT_PARTITIONS, LOG_TOPICS, OBSERVATIONS
from stream_processor import account_series
from stream_processor.logs.port import EventLog, Output, Owner, Reader, Stored
from stream_processor.logs.records import from_record, to_record
from stream_processor.stores.port import Busy, Points, SeriesStore, Written

GROUP = "sink"
ALARM_GROUP = "sink-alarms"
_MADE: dict[str, Callable[[bytes], Readings]] = {
    EventType.DEVICE_HOURS: account_series.of_hours,
    EventType.ALARM_EVENT: account_series.of_alarm,
}
_MOST_RECORDS = 500
_MOST_POINTS = 50_000
_LONGEST_PAUSE_S = 10.0
log = logging.getLogger("saola.sink")


@dataclass(slots=True)
class SinkCounts:
    """What the sink did since it started."""

    records: int = 0
    points: int = 0
    """Points stored."""
    refused: int = 0
    """Points the store would not take, kept as dead letters with its reason."""
    expired: int = 0
    """Points older than the store keeps."""
    dead_lettered: int = 0
    retries: int = 0
    batches: int = 0
    busy_s: float = 0.0
    owned: set[int] = field(default_factory=set)
    reached: dict[tuple[str, int], int] = field(default_factory=dict)
    away: dict[tuple[str, int], str] = field(default_factory=dict)
    """Of each owned (topic, partition): the next offset, and why it cannot go on now."""

    def as_dict(self) -> dict[str, float]:
        """The counts, without the partitions that are owned now."""
        left_out = {"owned", "reached", "away"}
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in left_out}


async def run_sink(
    event_log: EventLog,
    store: SeriesStore,
    stop: asyncio.Event,
    counts: SinkCounts | None = None,
    *,
    group: str = GROUP,
    gather_s: float = 0.0,
    topic: str = OBSERVATIONS,
) -> None:
    """Be a member of `group` until `stop` is set; then give the partitions up at once. A second store has a group of its own, and so has
    each `topic`: alarms become series beside the observations (`account_series`).

    Where little arrives, `gather_s` is waited for more before writing: a rollup costs as much for one point as for a hundred.
    """
    counts = counts if counts is not None else SinkCounts()
    await event_log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
    member = await event_log.join(group, topic, f"{socket.gethostname()}-{os.getpid()}")
    tasks: dict[int, asyncio.Task[None]] = {}
    try:
        while not stop.is_set():
            assigned = await member.assigned()
            for gone in tasks.keys() - assigned:
                await _end(tasks.pop(gone))
            for new in sorted(assigned - tasks.keys()):
                tasks[new] = asyncio.create_task(_keep_draining(event_log, store, group, topic, new, counts, gather_s), name=f"sink-p{new}")
            for task in tasks.values():
                if task.done():
                    task.result()  # a bug: let it out
            await _pause(stop, 0.5)
    finally:
        for task in tasks.values():
            await _end(task)
        await member.leave()


async def _keep_draining(
    event_log: EventLog, store: SeriesStore, group: str, topic: str, partition: int, counts: SinkCounts, gather_s: float
) -> None:
    """Take the partition over and drain it, again and again, until cancelled."""
    failures = 0
    while True:
        try:
            counts.owned.add(partition)
            async with aclosing(_drain(event_log, store, group, topic, partition, counts, gather_s)) as drained:
                async for _ in drained:
                    failures = 0
        except Fenced:
            await asyncio.sleep(1.0)  # the group will tell whose it is
        except Unavailable as err:
            counts.retries += 1
            counts.away[topic, partition] = str(err)
            if failures == 0:
                log.warning("cannot write observations, will try again", extra={"partition": partition, "error": str(err)})
            await asyncio.sleep(_pause_s(failures, err))
            failures = min(failures + 1, 10)
        finally:
            counts.owned.discard(partition)
            counts.reached.pop((topic, partition), None)


async def _drain(
    event_log: EventLog, store: SeriesStore, group: str, topic: str, partition: int, counts: SinkCounts, gather_s: float
) -> AsyncGenerator[int, None]:
    """Own the partition and go on from the committed offset; yields each offset that was committed."""
    owner: Owner | None = None
    reader: Reader | None = None
    try:
        owner = await event_log.own(group, topic, partition)
        await asyncio.to_thread(store.forget)  # the owner before us may have written
        reader = await event_log.reader(topic, partition, await owner.committed() or 0)
        while True:
            rows = await reader.fetch(_MOST_RECORDS, wait_s=1.0)
            counts.reached[topic, partition] = reader.position
            if not rows:
                continue
            if gather_s and len(rows) < _MOST_RECORDS:
                await asyncio.sleep(gather_s)
                rows += await reader.fetch(_MOST_RECORDS - len(rows), wait_s=0.0)
            begun_s = time.monotonic()
            batches, letters = sort_out(rows)
            for batch in batches:
                letters += _account(batch, await asyncio.to_thread(store.write, batch.points), counts)
            await owner.commit(letters, rows[-1].offset + 1)
            counts.away.pop((topic, partition), None)
            counts.batches += 1
            counts.busy_s += time.monotonic() - begun_s
            counts.records += len(rows)
            counts.dead_lettered += len(letters)
            yield rows[-1].offset + 1
    finally:
        for held in (reader, owner):
            if held is not None:
                with suppress(Unavailable):
                    await held.close()


@dataclass(frozen=True, slots=True)
class Batch:
    """Points of several records to be written at once, in log order; `rows` has how many are of each record."""

    points: Points
    rows: tuple[tuple[Stored, int], ...]


def sort_out(rows: Sequence[Stored]) -> tuple[list[Batch], list[Output]]:
    """Points to write, in log order (so that a later revision wins), and dead letters for what cannot be read. Reports carry no points."""
    good: list[_Decoded] = []
    letters: list[Output] = []
    for row in rows:
        try:
            event = from_record(row.record)
            if event.type == EventType.OBSERVATIONS:
                good.append(_decode(row, event.data))
            elif (made := _MADE.get(event.type)) is not None and len(readings := made(event.data)):
                good.append(_Decoded(row, readings, 0))
        except Rejected as err:
            letters.append(_dead_letter(row, err, row.record.value or b""))
    return list(_joined(good)), letters


@dataclass(frozen=True, slots=True)
class _Decoded:
    row: Stored
    readings: Readings
    flags: int


def _decode(row: Stored, data: bytes) -> _Decoded:
    readings, flags = observations.decode(data)
    if not np.isfinite(readings.value).all():
        raise Rejected("not_finite", "a value of an observation is NaN or infinite")
    return _Decoded(row, readings, flags & 0xFF)


def _joined(good: Sequence[_Decoded]) -> Iterator[Batch]:
    """Several observations as one write, as long as it stays small: one transaction is cheaper than ten."""
    batch: list[_Decoded] = []
    size = 0
    for one in good:
        more = len(one.readings) + len(one.readings.names)
        if batch and size + more > _MOST_POINTS:
            yield _batch(batch)
            batch, size = [], 0
        batch.append(one)
        size += more
    if batch:
        yield _batch(batch)


def _batch(batch: Sequence[_Decoded]) -> Batch:
    names: dict[str, int] = {}
    index = []
    for one in batch:
        table = np.array([names.setdefault(name, len(names)) for name in one.readings.names], np.uint16)
        index.append(table[one.readings.name_index])
    points = Points(
        tuple(names),
        np.concatenate(index),
        np.concatenate([one.readings.at_ms for one in batch]),
        np.concatenate([one.readings.value for one in batch]),
        np.concatenate([np.full(len(one.readings), one.flags, np.uint8) for one in batch]),
    )
    return Batch(points, tuple((one.row, len(one.readings)) for one in batch))


def _account(batch: Batch, written: Written, counts: SinkCounts) -> list[Output]:
    """Count what became of a batch; dead letters for what the store refused: one for each record and reason."""
    before = counts.expired
    counts.points += len(batch.points.at_ms) - len(written.refused) - written.expired
    counts.refused += len(written.refused)
    counts.expired += written.expired
    if counts.expired.bit_length() > before.bit_length():  # when it has doubled, not each time
        log.warning("points older than the store keeps were left out", extra={"points_count": counts.expired})
    if not written.refused:
        return []
    ends = np.cumsum([count for _, count in batch.rows])
    groups: dict[tuple[int, str, str], list[int]] = {}
    for one in written.refused:
        groups.setdefault((int(np.searchsorted(ends, one.row, side="right")), one.code, one.detail), []).append(one.row)
    first = written.refused[0]
    log.warning("the store refused points, kept as dead letters", extra={"points_count": len(written.refused), "reason": first.detail})
    return [_refused(batch, batch.rows[record][0], code, detail, rows) for (record, code, detail), rows in groups.items()]


def _refused(batch: Batch, row: Stored, code: str, detail: str, rows: list[int]) -> Output:
    """A dead letter with exactly the points that were refused, as the observation they would have been."""
    at = np.array(rows)
    points = batch.points
    used, index = np.unique(points.series_index[at], return_inverse=True)
    names = tuple(points.series[i] for i in used)
    data = observations.encode(Readings(names, index.astype(np.uint16), points.at_ms[at], points.value[at]), int(points.flags[rows[0]]))
    named = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return _dead_letter(row, Rejected(code, f"{len(rows)} points of {named}: {detail}"), data)


def _dead_letter(row: Stored, err: Rejected, data: bytes) -> Output:
    letter = DeadLetter(err.code, err.detail, f"{row.topic}/{row.partition}@{row.offset}", "", row.record.at_ms, len(data), data[:65_536])
    text = msgspec.json.encode(letter)
    event = Event(EventType.DEAD_LETTER, "saola", f"sink-{row.partition}", "", -1, 1, row.record.at_ms, "application/json", text)
    return Output(DEAD_LETTER, to_record(event, key=row.record.key.decode(errors="replace")))


def _pause_s(failures: int, err: Unavailable) -> float:
    """Seconds before the next try: doubling up to a limit, half of it by chance so that sinks do not come back together, and never
    sooner than the store asked for."""
    longest_s = min(0.2 * 2.0**failures, _LONGEST_PAUSE_S) * 1.5
    asked_s = err.after_s if isinstance(err, Busy) else 0.0
    return max(asked_s, longest_s / 3) + random.random() * longest_s * 2 / 3


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
