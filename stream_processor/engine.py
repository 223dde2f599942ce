"""The loop around the core: batch → core.step → one transaction of outputs, offsets and now and then a snapshot.

A partition is the unit: each has its own worker task, state and transactional owner. Taking over = fence first, then read the committed
offset, load the newest snapshot, replay to the committed offset with outputs discarded, go on. After any abort the memory is dropped
and the partition taken over again. Time is data: the owner writes ticks into its own partition and acts on them when it reads them back.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from city_model.clock import Clock
from city_model.events import DeadLetter, Event, EventType, Tick
from city_model.faults import Fenced, Rejected, Unavailable
from city_model.registry import City
from city_model.topics import DEAD_LETTER, INPUTS
from stream_processor import checkpoint
from stream_processor.core.settings import CoreSettings
from stream_processor.core.step import Core, Emit
from stream_processor.logs.port import EventLog, Output, Owner, Reader, Record, Stored
from stream_processor.logs.records import from_record, to_record

GROUP = "engine"
log = logging.getLogger("saola.engine")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the loop runs. `ticks` "own": the owner writes them by its clock; "external": a scenario's clock does.

    `catch_bugs` False lets a bug end the worker instead of setting the record aside: tests run so.
    """

    ticks: Literal["own", "external"] = "own"
    tick_s: float = 5.0
    batch_records: int = 2_000
    snapshot_bytes: int = 8_000_000
    snapshot_s: float = 3_600.0
    catch_bugs: bool = True


@dataclass(slots=True)
class EngineCounts:
    """What happened, for metrics and the scenario's account."""

    records: int = 0
    outputs: int = 0
    take_overs: int = 0
    fenced: int = 0
    bugs: int = 0
    batches: int = 0
    busy_s: float = 0.0
    assigned: frozenset[int] = frozenset()
    owned: set[int] = field(default_factory=set)
    reached: dict[int, int] = field(default_factory=dict)
    """Next offset of each owned partition."""


class Engine:
    """A member of the engine group: works on the partitions that are assigned to it."""

    def __init__(
        self, event_log: EventLog, city: City, core: CoreSettings, clock: Clock, settings: EngineSettings | None = None,
        on_take_over: Callable[[int], None] = lambda partition: None,
    ) -> None:  # fmt: skip
        self._log = event_log
        self._city = city
        self._core = core
        self._clock = clock
        self._settings = settings or EngineSettings()
        self._on_take_over = on_take_over
        self.counts = EngineCounts()

    async def run(self, member: str, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then give the partitions up at once."""
        membership = await self._log.join(GROUP, INPUTS, member)
        workers: dict[int, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                assigned = self.counts.assigned = await membership.assigned()
                for gone in workers.keys() - assigned:
                    await _end(workers.pop(gone))
                    self.counts.owned.discard(gone)
                    self.counts.reached.pop(gone, None)
                for new in sorted(assigned - workers.keys()):
                    workers[new] = asyncio.create_task(self._work(new), name=f"engine-p{new}")
                for task in workers.values():
                    if task.done():
                        task.result()  # a bug that was not to be caught
                await _wait(stop, 0.2)
        finally:
            for task in workers.values():
                await _end(task)
            await membership.leave()

    async def _work(self, partition: int) -> None:
        """Take over and go on, again and again, until cancelled."""
        care = _Care()
        pause_s = 0.05
        while True:
            worker = _Partition(self, partition, care)
            try:
                await worker.take_over()
                self.counts.take_overs += 1
                self.counts.owned.add(partition)
                self._on_take_over(partition)
                pause_s = 0.05
                await worker.go_on()
            except Fenced:
                self.counts.fenced += 1
                self.counts.owned.discard(partition)
                await asyncio.sleep(1.0)  # the group will tell whose it is
            except Unavailable as err:
                log.warning("log unavailable, will take over again", extra={"partition": partition, "error": str(err)})
                await asyncio.sleep(pause_s * (0.5 + random.random()))
                pause_s = min(pause_s * 2, 5.0)
            except Exception:
                # The one place where a bug is caught: the record that met it is set aside with the traceback, and the partition goes on.
                if not self._settings.catch_bugs or (care.one_by_one and worker.suspect is None):
                    raise
                self.counts.bugs += 1
                log.exception("bug in the core", extra={"partition": partition, "offset": worker.suspect})
                if worker.suspect is not None:
                    care.poison[worker.suspect] = traceback.format_exc(limit=-6)
                care.one_by_one = True
            finally:
                await worker.close()


@dataclass(slots=True)
class _Care:
    """After a bug a partition is read one record at a time until the guilty one is known and answered with its dead letter."""

    one_by_one: bool = False
    poison: dict[int, str] = field(default_factory=dict)


class _Partition:
    """One take-over of one partition: owner, reader, core and position."""

    def __init__(self, engine: Engine, partition: int, care: _Care) -> None:
        self._e = engine
        self._settings = engine._settings
        self._p = partition
        self._care = care
        self._config = checkpoint.config_hash(engine._city, engine._core)
        self._owner: Owner | None = None
        self._reader: Reader | None = None
        self._bytes_since = 0
        self._next_tick_ms = 0
        self._snapshot_at_ms = 0
        self.suspect: int | None = None

    async def take_over(self) -> None:
        """Fence, load, replay, and say what is judged by from now on.

        The order matters: whoever owned it before must not commit after we have read the offset.
        """
        log_ = self._e._log
        self._owner = await log_.own(GROUP, INPUTS, self._p)
        committed = await self._owner.committed()
        self._core = Core(self._e._city, self._e._core, self._p)
        first, _ = await log_.bounds(INPUTS, self._p)
        start = first
        saved = await checkpoint.newest(log_, self._p, self._config)
        if saved is not None and saved.state is not None:
            start = saved.offset
            self._core.restore(saved.state)
        self._reader = await log_.reader(INPUTS, self._p, start)
        while committed is not None and self._reader.position < committed:
            rows = await self._reader.fetch(self._settings.batch_records, wait_s=1.0)
            replayed = [row for row in rows if row.offset < committed]
            await self._step(replayed)
            if len(replayed) < len(rows):
                await self._reader.close()
                self._reader = await log_.reader(INPUTS, self._p, committed)
        self._snapshot_at_ms = self._e._clock.now_ms()
        if committed is not None and (saved is None or saved.state is None):
            await self._settle(committed, is_rebuilt=saved is not None or first > 0)
        await self._owner.commit([_output(self._core.rules(self._snapshot_at_ms))], None)

    async def _settle(self, committed: int, *, is_rebuilt: bool) -> None:
        """After a rebuild from the log: people's alarms go on, in one transaction with a snapshot, so that it is done once.

        Without a snapshot, of a log that begins where it began, the replay gives what was told, unless rules have changed since.
        """
        assert self._core is not None
        assert self._owner is not None
        told = await checkpoint.told(self._e._log, self._p)
        if is_rebuilt or self._core.is_of_other_rules(told):
            outputs = [_output(emit) for emit in self._core.carry_over(told)]
            outputs += checkpoint.to_outputs(self._core.snapshot(), self._p, committed, self._config)
            await self._owner.commit(outputs, committed)

    async def go_on(self) -> None:
        """Work until cancelled, fenced or the log is away."""
        assert self._reader is not None
        while True:
            if self._settings.ticks == "own":
                await self._tick_if_due()
            rows = await self._reader.fetch(self._settings.batch_records, wait_s=0.1)
            if rows:
                begun_s = time.monotonic()
                await self._process(rows)
                self._e.counts.batches += 1
                self._e.counts.busy_s += time.monotonic() - begun_s
            self._e.counts.reached[self._p] = self._reader.position

    async def _tick_if_due(self) -> None:
        now_ms = self._e._clock.now_ms()
        if now_ms < self._next_tick_ms:
            return
        self._next_tick_ms = now_ms + round(self._settings.tick_s * 1000)
        event = Event(
            EventType.TICK, "saola", f"engine-{self._p}", "", -1, 1, now_ms, "application/json", msgspec.json.encode(Tick(now_ms))
        )
        assert self._owner is not None
        await self._owner.commit([Output(INPUTS, to_record(event))], None)

    async def _process(self, rows: Sequence[Stored]) -> None:
        emits = await self._step(rows)
        self._bytes_since += sum(len(row.record.value or b"") + 200 for row in rows)
        outputs = [_output(emit) for emit in emits]
        next_offset = rows[-1].offset + 1
        had_poison = any(row.offset in self._care.poison for row in rows)
        if had_poison or self._snapshot_due():
            outputs += checkpoint.to_outputs(self._core.snapshot(), self._p, next_offset, self._config)
            self._bytes_since, self._snapshot_at_ms = 0, self._e._clock.now_ms()
        assert self._owner is not None
        await self._owner.commit(outputs, next_offset)
        if had_poison:  # the snapshot stands behind it now: no replay will meet it again
            self._care.one_by_one = False
        self._e.counts.records += len(rows)
        self._e.counts.outputs += len(outputs)

    def _snapshot_due(self) -> bool:
        old = self._e._clock.now_ms() - self._snapshot_at_ms >= self._settings.snapshot_s * 1000
        return self._bytes_since >= self._settings.snapshot_bytes or (old and self._bytes_since > 0)

    async def _step(self, rows: Sequence[Stored]) -> list[Emit]:
        """core.step in a thread, so that heartbeats go on. Known poison is answered with its dead letter instead."""
        emits: list[Emit] = []
        good: list[tuple[int, Event]] = []
        for row in rows:
            if row.offset in self._care.poison:
                emits.append(_dead(row, Rejected("bug", self._care.poison[row.offset])))
                continue
            try:
                good.append((row.offset, from_record(row.record)))
            except Rejected as err:
                emits.append(_dead(row, err))
        if self._care.one_by_one:
            for self.suspect, event in good:
                emits += await asyncio.to_thread(self._core.step, [event])
            self.suspect = None
        elif good:
            emits += await asyncio.to_thread(self._core.step, [event for _, event in good])
        return emits

    async def close(self) -> None:
        """Release what is held; never raises."""
        for held in (self._reader, self._owner):
            if held is not None:
                try:
                    await held.close()
                except Unavailable as err:
                    log.info("closing after a fault", extra={"error": str(err)})


def tick_event(at_ms: int, by: str) -> Event:
    """A tick as it stands in `inputs`."""
    return Event(EventType.TICK, "saola", by, "", -1, 1, at_ms, "application/json", msgspec.json.encode(Tick(at_ms)))


def _output(emit: Emit) -> Output:
    if emit.event is None:
        return Output(emit.topic, Record(emit.key.encode(), None))
    return Output(emit.topic, to_record(emit.event, key=emit.key))


def _dead(row: Stored, err: Rejected) -> Emit:
    value = row.record.value or b""
    letter = DeadLetter(err.code, err.detail, f"{row.topic}/{row.partition}@{row.offset}", "", row.record.at_ms, len(value), value[:65_536])
    data = msgspec.json.encode(letter)
    event = Event(EventType.DEAD_LETTER, "saola", f"engine-{row.partition}", "", -1, 1, row.record.at_ms, "application/json", data)
    return Emit(DEAD_LETTER, row.record.key.decode(errors="replace"), event)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
