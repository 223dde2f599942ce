"""The sink over a real embedded log and store: written before committed, harmless twice, lagging while the store is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from city_model.codec import observations
from city_model.events import DeadLetter, Event, EventType, Readings
from city_model.faults import Unavailable
from city_model.topics import DEAD_LETTER, DEFAULT_PARTITIONS, LOG_TOPICS, OBSERVATIONS
from stream_processor.logs.open import open_log
from stream_processor.logs.port import EventLog, Record, Stored
from stream_processor.logs.records import from_record, to_record
from stream_processor.sink import SinkCounts, run_sink, sort_out
from stream_processor.stores.embedded import EmbeddedStore
from stream_processor.stores.keep import Keep
from stream_processor.stores.port import Busy, Flag, Points, RefusedRow, Written

T0 = 1_790_000_000_000


def observed(*rows: tuple[str, int, float], flags: int = 0) -> Record:
    names = tuple(dict.fromkeys(row[0] for row in rows))
    readings = Readings(
        names,
        np.array([names.index(row[0]) for row in rows], np.uint16),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
    )
    data = observations.encode(readings, flags)
    return to_record(Event(EventType.OBSERVATIONS, "saola", "engine-0", "", -1, 1, rows[-1][1], observations.CONTENT_TYPE, data), key="p0")


def report() -> Record:
    return to_record(Event(EventType.REPORT, "saola", "engine-0", "", -1, 1, T0, "application/json", b"{}"), key="p0")


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await open_log(f"sqlite:{tmp_path / 'log'}")
    await opened.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
    yield opened
    await opened.close()


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    return EmbeddedStore(tmp_path / "series.db")


@asynccontextmanager
async def sinking(log: EventLog, store: EmbeddedStore) -> AsyncIterator[SinkCounts]:
    stop, counts = asyncio.Event(), SinkCounts()
    task = asyncio.create_task(run_sink(log, store, stop, counts))
    yield counts
    stop.set()
    await task


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not is_true():
            await asyncio.sleep(0.01)


async def test_observations_of_every_partition_end_in_the_store(log: EventLog, store: EmbeddedStore) -> None:
    rows = [(p, observed((f"dev-{p}/pm25", T0 + i, float(i)))) for p in range(DEFAULT_PARTITIONS) for i in range(5)]
    await log.append(OBSERVATIONS, [*rows, (0, report())])
    async with sinking(log, store) as counts:
        await until(lambda: counts.records == len(rows) + 1)
    assert [(x.series, x.value) for x in store.latest("dev-1/")] == [("dev-1/pm25", 4.0)]
    assert len(store.latest()) == DEFAULT_PARTITIONS
    assert counts.points == len(rows)


async def test_a_sink_that_starts_first_makes_the_topics(tmp_path: Path, store: EmbeddedStore) -> None:
    log = await open_log(f"sqlite:{tmp_path / 'fresh'}")
    async with sinking(log, store) as counts:
        await until(lambda: len(counts.owned) == DEFAULT_PARTITIONS)
        await log.append(OBSERVATIONS, [(0, observed(("a/pm25", T0, 1.0)))])
        await until(lambda: counts.records == 1)
    await log.close()


async def test_a_restarted_sink_goes_on_where_it_stopped(log: EventLog, store: EmbeddedStore) -> None:
    await log.append(OBSERVATIONS, [(3, observed(("a/pm25", T0, 1.0)))])
    async with sinking(log, store) as counts:
        await until(lambda: counts.records == 1)
    await log.append(OBSERVATIONS, [(3, observed(("a/pm25", T0 + 1, 2.0)))])
    async with sinking(log, store) as counts:
        await until(lambda: counts.records == 1)
        assert counts.points == 1
    assert store.raw("a/pm25", 0, 1 << 60)[1].tolist() == [1.0, 2.0]


async def test_what_cannot_be_read_becomes_a_dead_letter_and_the_rest_is_written(log: EventLog, store: EmbeddedStore) -> None:
    nan = observed(("a/pm25", T0, float("nan")))
    await log.append(OBSERVATIONS, [(2, Record(b"k", b"\x00garbage")), (2, nan), (2, observed(("a/pm25", T0, 7.0)))])
    async with sinking(log, store) as counts:
        await until(lambda: counts.records == 3)
    reader = await log.reader(DEAD_LETTER, 2, 0)
    letters = [msgspec.json.decode(from_record(row.record).data, type=DeadLetter) for row in await reader.fetch(10, wait_s=1.0)]
    await reader.close()
    assert [(letter.code, letter.topic) for letter in letters] == [("malformed", "observations/2@0"), ("not_finite", "observations/2@1")]
    assert letters[0].data == b"\x00garbage"
    assert store.raw("a/pm25", 0, 1 << 60)[1].tolist() == [7.0]


class _AwayAtFirst(EmbeddedStore):
    """A store whose disk is full for the first writes."""

    failures = 3

    def write(self, points: Points) -> Written:
        if self.failures:
            self.failures -= 1
            raise Unavailable("disk is full")
        return super().write(points)


async def test_while_the_store_is_away_the_sink_waits_and_loses_nothing(log: EventLog, tmp_path: Path) -> None:
    store = _AwayAtFirst(tmp_path / "series.db")
    await log.append(OBSERVATIONS, [(0, observed(("a/pm25", T0 + i, float(i)))) for i in range(50)])
    async with sinking(log, store) as counts:
        await until(lambda: counts.records == 50)
    assert counts.retries == 3
    assert len(store.raw("a/pm25", 0, 1 << 60)[0]) == 50


class _Picky(EmbeddedStore):
    """A store that takes no point of series whose device is called `old`, as InfluxDB where that site once sent integers."""

    def write(self, points: Points) -> Written:
        wrong = np.array([name.startswith("old") for name in points.series])[points.series_index]
        stay = ~wrong
        rest = Points(points.series, points.series_index[stay], points.at_ms[stay], points.value[stay], points.flags[stay])
        refused = tuple(RefusedRow(int(row), "type_conflict", "is integer") for row in np.flatnonzero(wrong))
        return Written(refused, super().write(rest).expired)


async def test_points_the_store_refuses_are_kept_with_the_reason_and_the_rest_is_written(log: EventLog, tmp_path: Path) -> None:
    store = _Picky(tmp_path / "series.db")
    await log.append(
        OBSERVATIONS,
        [
            (2, observed(("a/pm25", T0, 1.0))),
            (2, observed(("old/pm25", T0, 2.0), ("b/pm25", T0, 3.0), ("old/no2", T0 + 1, 4.0), flags=Flag.LATE)),
            (2, observed(("old/pm25", T0 + 2, 5.0))),
        ],
    )
    async with sinking(log, store) as counts:
        await until(lambda: counts.records == 3)
    reader = await log.reader(DEAD_LETTER, 2, 0)
    letters = [msgspec.json.decode(from_record(row.record).data, type=DeadLetter) for row in await reader.fetch(10, wait_s=1.0)]
    await reader.close()
    assert [(letter.code, letter.topic, letter.reason) for letter in letters] == [
        ("type_conflict", "observations/2@1", "2 points of old/pm25, old/no2: is integer"),
        ("type_conflict", "observations/2@2", "1 points of old/pm25: is integer"),
    ]
    kept, flags = observations.decode(letters[0].data)
    assert [(kept.names[i], at, value) for i, at, value in zip(kept.name_index, kept.at_ms, kept.value, strict=True)] == [
        ("old/pm25", T0, 2.0), ("old/no2", T0 + 1, 4.0),
    ]  # fmt: skip
    assert flags == Flag.LATE
    assert (counts.points, counts.refused, counts.dead_lettered) == (2, 3, 2)
    assert [x.series for x in store.latest()] == ["a/pm25", "b/pm25"]


async def test_points_older_than_the_store_keeps_are_counted_and_no_dead_letters(log: EventLog, tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "series.db", Keep(raw_days=1))
    await log.append(OBSERVATIONS, [(0, observed(("a/pm25", T0, 1.0))), (0, observed(("b/pm25", T0 - 3 * 86_400_000, 2.0)))])
    async with sinking(log, store) as counts:
        await until(lambda: counts.records == 2)
    assert (counts.points, counts.expired, counts.dead_lettered) == (1, 1, 0)


async def test_the_sink_waits_as_long_as_the_store_asks(log: EventLog, tmp_path: Path) -> None:
    class _BusyOnce(_AwayAtFirst):
        failures = 0
        times: ClassVar[list[float]] = []

        def write(self, points: Points) -> Written:
            self.times.append(time.monotonic())
            if len(self.times) == 1:
                raise Busy("too many requests", 1.0)
            return super().write(points)

    await log.append(OBSERVATIONS, [(0, observed(("a/pm25", T0, 1.0)))])
    async with sinking(log, _BusyOnce(tmp_path / "series.db")) as counts:
        await until(lambda: counts.records == 1)
    assert _BusyOnce.times[1] - _BusyOnce.times[0] >= 1.0


class _Counting(EmbeddedStore):
    """A store that counts its writes."""

    writes = 0

    def write(self, points: Points) -> Written:
        self.writes += 1
        return super().write(points)


async def test_little_that_arrives_is_gathered_into_few_writes(log: EventLog, tmp_path: Path) -> None:
    store, stop, counts = _Counting(tmp_path / "series.db"), asyncio.Event(), SinkCounts()
    task = asyncio.create_task(run_sink(log, store, stop, counts, gather_s=1.0))
    await until(lambda: len(counts.owned) == DEFAULT_PARTITIONS)
    for i in range(40):
        await log.append(OBSERVATIONS, [(0, observed(("a/pm25", T0 + i, float(i))))])
    await until(lambda: counts.records == 40)
    stop.set()
    await task
    assert store.writes <= 5
    assert len(store.raw("a/pm25", 0, 1 << 60)[0]) == 40


async def test_two_sinks_share_the_partitions(log: EventLog, store: EmbeddedStore) -> None:
    stop, one, other = asyncio.Event(), SinkCounts(), SinkCounts()
    tasks = [asyncio.create_task(run_sink(log, store, stop, counts)) for counts in (one, other)]
    await until(lambda: len(one.owned) == len(other.owned) == DEFAULT_PARTITIONS // 2)
    assert one.owned.isdisjoint(other.owned)
    await log.append(OBSERVATIONS, [(p, observed((f"dev-{p}/pm25", T0, 1.0))) for p in range(DEFAULT_PARTITIONS)])
    await until(lambda: one.records + other.records == DEFAULT_PARTITIONS)
    stop.set()
    await asyncio.gather(*tasks)
    assert len(store.latest()) == DEFAULT_PARTITIONS


def test_small_observations_become_one_write_in_log_order_with_their_flags() -> None:
    records = [
        observed(("a/pm25", T0, 1.0), ("b/pm25", T0, 5.0)), report(), observed(("b/pm25", T0, 6.0), flags=Flag.LATE),
    ]  # fmt: skip
    (batch,), letters = sort_out([Stored(OBSERVATIONS, 0, i, record) for i, record in enumerate(records)])
    points = batch.points
    assert letters == []
    assert [(row.offset, count) for row, count in batch.rows] == [(0, 2), (2, 1)]
    assert [points.series[i] for i in points.series_index] == ["a/pm25", "b/pm25", "b/pm25"]
    assert (points.value.tolist(), points.flags.tolist()) == ([1.0, 5.0, 6.0], [0, 0, Flag.LATE])


def test_many_observations_become_several_writes() -> None:
    big = observed(*[(f"dev-{i}/pm25", T0, 1.0) for i in range(2_000)])
    batches, _ = sort_out([Stored(OBSERVATIONS, 0, i, big) for i in range(60)])
    assert sum(len(batch.points.at_ms) for batch in batches) == 120_000
    assert 1 < len(batches) < 10
