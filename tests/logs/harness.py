"""What the contract suite needs to know of each log: how it is opened (again), with short times so that silent members die soon."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from city_model.topics import LogTopic
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.embedded import Settings as EmbeddedSettings
from stream_processor.logs.kafka import KafkaLog
from stream_processor.logs.kafka import Settings as KafkaSettings
from stream_processor.logs.port import EventLog, Record, Stored


@dataclass(slots=True)
class World:
    """One place where a log is: every `open` sees the same data."""

    opens: Callable[[], Awaitable[EventLog]]
    opened: list[EventLog] = field(default_factory=list)

    async def open(self) -> EventLog:
        self.opened.append(await self.opens())
        return self.opened[-1]

    async def close_all(self) -> None:
        for log in self.opened:
            await log.close()


@dataclass(frozen=True, slots=True)
class Harness:
    make: Callable[[pytest.FixtureRequest, Path], World]
    marks: tuple[pytest.MarkDecorator, ...] = ()


def _embedded(request: pytest.FixtureRequest, directory: Path) -> World:
    return World(lambda: EmbeddedLog.open(directory / "log", EmbeddedSettings(dead_after_s=0.3)))


def _kafka(request: pytest.FixtureRequest, directory: Path) -> World:
    url: str = request.getfixturevalue("kafka_url")
    return World(lambda: KafkaLog.open(url.removeprefix("kafka://"), KafkaSettings(dead_after_s=1.5)))


HARNESSES = {
    "embedded": Harness(_embedded),
    "kafka": Harness(_kafka, (pytest.mark.live,)),
}


async def new_topic(log: EventLog, partitions: int = 1, *, compacted: bool = False) -> str:
    """A topic no other test has; tests share the broker."""
    name = f"t-{uuid.uuid4().hex}"
    await log.ensure_topics([LogTopic(name, None, compacted=compacted)], partitions)
    return name


async def read_all(log: EventLog, topic: str, partition: int = 0, offset: int = 0) -> list[Stored]:
    """Everything committed so far, read as a rebuild does: until the position has passed the end."""
    reader = await log.reader(topic, partition, offset)
    found: list[Stored] = []
    while reader.position < (await log.bounds(topic, partition))[1]:
        found += await reader.fetch(1000, 0.2)
    await reader.close()
    return found


async def values(log: EventLog, topic: str, partition: int = 0, offset: int = 0) -> list[bytes | None]:
    return [stored.record.value for stored in await read_all(log, topic, partition, offset)]


def record(value: bytes | None, key: bytes = b"area-1") -> Record:
    return Record(key, value)


async def until(holds: Callable[[], Awaitable[bool]], within_s: float = 20.0) -> None:
    """Ask again and again until it holds."""
    async with asyncio.timeout(within_s):
        while not await holds():  # what is waited for happens in another process
            await asyncio.sleep(0.02)
