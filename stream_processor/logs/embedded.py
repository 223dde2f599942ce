"""The embedded log: SQLite files in one directory, shared by the processes of one machine. No server.

Writes: `embedded_queue`, what they do: `embedded_writes`. Reads and waiting: `embedded_watch`. How the files hang together:
`embedded_chain`; what expires: `embedded_retention`; groups: `embedded_group`.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from city_model.clock import Clock, WallClock
from city_model.faults import Rejected, Unavailable
from city_model.topics import LogTopic
from stream_processor.logs import embedded_writes as writes
from stream_processor.logs.embedded_chain import Chain, make_file, numbers, segment_path
from stream_processor.logs.embedded_group import Heartbeat
from stream_processor.logs.embedded_queue import WriteQueue
from stream_processor.logs.embedded_retention import expire
from stream_processor.logs.embedded_schema import failures_of
from stream_processor.logs.embedded_watch import Watch
from stream_processor.logs.port import Output, Record, Stored

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the embedded log keeps its files and looks around."""

    segment_bytes: int = 256 * 1024 * 1024  # a file larger than this is rolled
    segment_ms: int = 86_400_000  # and one older than this; retention is as fine as this
    dead_after_s: float = 3.0  # a member that has not called `assigned` for so long has lost its partitions
    poll_s: float = 0.03  # how often waiting readers look for what other processes wrote
    expire_every_s: float = 3600.0


DEFAULT = Settings()


class EmbeddedLog:
    """An EventLog in a directory. Made by `EmbeddedLog.open`."""

    def __init__(self, directory: Path, settings: Settings, clock: Clock, chains: tuple[Chain, Chain]) -> None:
        self.directory = directory
        self._settings = settings
        self._clock = clock
        self._rolled = asyncio.Event()
        self._expiring = asyncio.Lock()
        self._watch = Watch(chains[0], settings.poll_s)
        self._queue = WriteQueue(chains[1], settings.segment_bytes, settings.segment_ms, clock, self._watch.note, self._rolled.set)
        self._keeper = asyncio.create_task(self._keep())

    @classmethod
    async def open(cls, directory: Path, settings: Settings = DEFAULT, clock: Clock | None = None) -> EmbeddedLog:
        """Open the log in `directory`, making both when they are missing. Raises Unavailable."""
        clock = clock or WallClock()
        return cls(directory, settings, clock, await asyncio.to_thread(_open_files, directory, clock.now_ms()))

    async def ensure_topics(self, topics: Sequence[LogTopic], partitions: int) -> None:
        def work(writing: writes.Writing) -> None:
            for topic in topics:
                writes.ensure_topic(writing, topic, partitions)

        await self._queue.do(work)

    async def partitions(self, topic: str) -> int:
        return (await self._topic(topic, 0)).partitions

    async def append(self, topic: str, rows: Sequence[tuple[int, Record]]) -> None:
        if rows:
            await self._queue.do(lambda writing: writes.append(writing, topic, rows))

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        found = await self._topic(topic, partition)
        await self._watch.refresh()
        head = self._watch.head((topic, partition))
        first = await self._watch.ask(lambda chain: chain.first(found.id, partition))
        return (head if first is None else first), head

    async def reader(self, topic: str, partition: int, offset: int) -> EmbeddedReader:
        await self._topic(topic, partition)
        return EmbeddedReader(self._watch, topic, partition, offset)

    async def join(self, group: str, topic: str, member: str) -> EmbeddedMember:
        partitions = await self.partitions(topic)
        heartbeat = Heartbeat(self.directory, group, topic, member, self._settings.dead_after_s)
        joined = EmbeddedMember(self._watch, heartbeat, partitions)
        await joined.assigned()
        return joined

    async def own(self, group: str, topic: str, partition: int) -> EmbeddedOwner:
        epoch = await self._queue.do(lambda writing: writes.own(writing, group, topic, partition))
        return EmbeddedOwner(self._queue, self._watch, writes.Claim(group, topic, partition, epoch))

    async def expire(self, now_ms: int) -> int:
        """Take away what is past its retention at `now_ms`; returns how many files are gone. Also happens every hour and after a roll."""
        async with self._expiring:
            return await asyncio.to_thread(_expire_files, self.directory, now_ms)

    async def close(self) -> None:
        if self._keeper.done():
            return
        if self._keeper.cancel():
            await asyncio.wait([self._keeper])
        await self._queue.close()
        await self._watch.close()

    async def _topic(self, topic: str, partition: int) -> writes.TopicRow:
        return await self._watch.ask(lambda chain: _find_topic(chain, topic, partition))

    async def _keep(self) -> None:
        while True:
            try:
                await self.expire(self._clock.now_ms())
            except Unavailable as err:
                log.warning("retention could not run, it is tried again", extra={"reason": str(err)})
            self._rolled.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(
                    self._settings.expire_every_s
                ):  # not wait_for: before 3.12 it may swallow `close`'s cancellation
                    await self._rolled.wait()


class EmbeddedReader:
    """Reads one partition."""

    def __init__(self, watch: Watch, topic: str, partition: int, offset: int) -> None:
        self._watch = watch
        self._place = topic, partition
        self._offset = offset
        self._closed = False

    @property
    def position(self) -> int:
        return self._offset

    async def fetch(self, most: int, wait_s: float) -> list[Stored]:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        if self._watch.head(self._place) <= self._offset:
            await self._watch.refresh()
        while await self._watch.grown(self._place, self._offset, until_s - loop.time()):
            head = self._watch.head(self._place)
            found = await self._watch.ask(lambda chain: chain.read(*self._place, self._offset, most))
            self._offset = found[-1].offset + 1 if found else head  # nothing up to the head: compacted or expired
            if found:
                return found
        return []

    async def close(self) -> None:
        """Nothing is held."""


class EmbeddedMember:
    """A member; `assigned` is its heartbeat."""

    def __init__(self, watch: Watch, heartbeat: Heartbeat, partitions: int) -> None:
        self._watch = watch
        self._heartbeat = heartbeat
        self._partitions = partitions

    async def assigned(self) -> frozenset[int]:
        return await self._watch.ask(lambda _: self._heartbeat.beat(self._partitions))

    async def leave(self) -> None:
        await self._watch.ask(lambda _: self._heartbeat.leave())


class EmbeddedOwner:
    """The owner with the newest epoch; the epoch is checked inside every transaction."""

    def __init__(self, queue: WriteQueue, watch: Watch, claim: writes.Claim) -> None:
        self._queue = queue
        self._watch = watch
        self._claim = claim

    async def committed(self) -> int | None:
        return await self._watch.ask(lambda chain: _committed(chain, self._claim))

    async def commit(self, outputs: Sequence[Output], next_offset: int | None) -> None:
        await self._queue.do(lambda writing: writes.commit(writing, self._claim, outputs, next_offset))

    async def close(self) -> None:
        """Nothing is held."""


def _open_files(directory: Path, now_ms: int) -> tuple[Chain, Chain]:
    with failures_of(directory):
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "create.lock").open("w") as lock:  # also finds out whether we may write here
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not numbers(directory):
                make_file(segment_path(directory, 1), 1, now_ms, None)
        chains = Chain(directory), Chain(directory)
        for chain in chains:
            with chain.begin("DEFERRED"):  # a file that is none of ours, or of another version, is told now
                pass
        return chains


def _expire_files(directory: Path, now_ms: int) -> int:
    with failures_of(directory):
        return expire(directory, now_ms)


def _find_topic(chain: Chain, topic: str, partition: int) -> writes.TopicRow:
    with chain.begin("DEFERRED") as db:
        found = writes.topic_row(db, topic)
    if not 0 <= partition < found.partitions:
        raise Rejected("bad_partition", f"topic {topic} has partitions 0..{found.partitions - 1}, not {partition}")
    return found


def _committed(chain: Chain, claim: writes.Claim) -> int | None:
    with chain.begin("DEFERRED") as db:
        return writes.committed(db, claim)
