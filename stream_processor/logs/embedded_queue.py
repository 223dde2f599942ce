"""The one way into the embedded log's files: a queue, a thread, and as many writes in one transaction as have gathered (group commit)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, cast

from city_model.clock import Clock
from city_model.faults import Fenced, Rejected, Unavailable
from stream_processor.logs.embedded_chain import Chain
from stream_processor.logs.embedded_schema import failures_of
from stream_processor.logs.embedded_writes import Heads, Writing

T = TypeVar("T")
Work = Callable[[Writing], object]
Outcome = object | Rejected | Fenced

_MOST_AT_ONCE = 256  # works in one transaction: bounds how long it holds the file


class WriteQueue:
    """Runs works, each `Writing → result`, in the order they came; `written` hears of the partitions that grew, `rolled` of a new file."""

    def __init__(
        self, chain: Chain, segment_bytes: int, segment_ms: int, clock: Clock, written: Callable[[Heads], None], rolled: Callable[[], None]
    ) -> None:
        self._chain = chain
        self._segment_bytes = segment_bytes
        self._segment_ms = segment_ms
        self._clock = clock
        self._written = written
        self._rolled = rolled
        self._thread = ThreadPoolExecutor(1, "log-write")
        self._waiting: list[tuple[Work, asyncio.Future[object]]] = []
        self._runner: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def directory(self) -> Path:
        return self._chain.directory

    async def do(self, work: Callable[[Writing], T]) -> T:
        """Run `work` in a transaction; returns when that is on disk. What `work` refuses is raised here alone. Raises Unavailable."""
        if self._closed:
            raise Unavailable(f"log: {self.directory}: closed")
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return cast(T, await future)

    async def close(self) -> None:
        """Finish what was accepted."""
        self._closed = True
        if self._runner:
            await asyncio.wait([self._runner])
        await asyncio.get_running_loop().run_in_executor(self._thread, self._chain.close)
        self._thread.shutdown()

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            job = asyncio.get_running_loop().run_in_executor(self._thread, self._commit, [work for work, _ in batch])
            await asyncio.wait([job])
            if failure := job.exception():
                for _, future in batch:
                    _settle(future, failure)
                continue
            outcomes, heads, rolled = job.result()
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                _settle(future, outcome)
            self._written(heads)
            if rolled:
                self._rolled()

    def _commit(self, works: list[Work]) -> tuple[list[Outcome], Heads, bool]:
        """One transaction for all; a work that is refused leaves nothing behind and does not disturb the others."""
        with failures_of(self.directory):
            rolled = False
            try:
                while True:
                    with self._chain.begin("IMMEDIATE") as db:
                        now_ms = self._clock.now_ms()
                        if self._is_due(db, now_ms):
                            self._chain.roll(db, now_ms)
                            rolled = True
                            continue  # commits; the next transaction begins on the new file
                        heads: Heads = {}
                        outcomes = [_attempt(db, now_ms, work, heads) for work in works]
                    return outcomes, heads, rolled
            except sqlite3.Error:
                self._chain.drop_connection()
                raise

    def _is_due(self, db: sqlite3.Connection, now_ms: int) -> bool:
        pages, page_bytes = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        created_ms: int = db.execute("SELECT created_ms FROM segment").fetchone()[0]
        return pages * page_bytes >= self._segment_bytes or now_ms - created_ms >= self._segment_ms


def _attempt(db: sqlite3.Connection, now_ms: int, work: Work, heads: Heads) -> Outcome:
    writing = Writing(db, now_ms)
    db.execute("SAVEPOINT work")
    try:
        outcome = work(writing)
    except (Rejected, Fenced) as refusal:
        db.execute("ROLLBACK TO work")
        outcome = refusal
    else:
        heads |= writing.heads
    db.execute("RELEASE work")
    return outcome


def _settle(future: asyncio.Future[object], outcome: Outcome | BaseException) -> None:
    if future.done():  # whoever asked was cancelled meanwhile
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
