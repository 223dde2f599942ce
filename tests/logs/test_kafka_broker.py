"""Kafka alone: a broker that is killed under its clients, a transaction that is cut off, and what an absent Java or Maven is told as."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker_config.kafka import KafkaServer, fetch_jars, find_java
from city_model.faults import Fenced, Unavailable
from stream_processor.logs import kafka_client
from stream_processor.logs.kafka import KafkaLog, Settings
from stream_processor.logs.port import Output
from tests.logs.harness import new_topic, record, values
from tests.servers import require


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[list[KafkaServer]]:
    """A broker that this test may kill: the last of the list is the running one."""
    try:
        servers = [KafkaServer.start(tmp_path / "kafka")]
    except Unavailable as err:
        require("kafka", str(err))
    yield servers
    servers[-1].stop()


@asynccontextmanager
async def opened(server: KafkaServer, settings: Settings) -> AsyncIterator[KafkaLog]:
    log = await KafkaLog.open(server.bootstrap, settings)
    yield log
    await log.close()


@pytest.mark.live
async def test_a_broker_killed_and_restarted_under_the_producer_loses_and_doubles_nothing(own_server: list[KafkaServer]) -> None:
    async with opened(own_server[0], Settings(answer_within_s=60.0)) as log:
        topic = await new_topic(log, 2)
        owner = await log.own("engine", topic, 0)
        reader = await log.reader(topic, 1, 0)
        killed = asyncio.Event()
        pairs = [asyncio.create_task(append_pair(log, topic, n, killed if n >= 100 else None)) for n in range(200)]
        await asyncio.gather(*pairs[:100])
        await asyncio.to_thread(own_server[0].kill)
        killed.set()
        own_server.append(await asyncio.to_thread(KafkaServer.start, own_server[0].directory, own_server[0].port))
        await asyncio.gather(*pairs[100:])
        assert sorted(await values(log, topic), key=number) == [b"%d" % n for n in range(200)]
        found: list[bytes | None] = []
        while reader.position < (await log.bounds(topic, 1))[1]:
            found += [stored.record.value for stored in await reader.fetch(1000, 1.0)]
        assert sorted(found, key=number) == [b"%d" % n for n in range(200)]
        await owner.commit([Output(topic, record(b"an owner outlives it too"))], 3)
        await owner.close()
        again = await log.own("engine", topic, 0)
        assert await again.committed() == 3
        await again.close()
        await reader.close()


async def append_pair(log: KafkaLog, topic: str, n: int, after: asyncio.Event | None) -> None:
    if after:
        await after.wait()
    await log.append(topic, [(0, record(b"%d" % n)), (1, record(b"%d" % n))])


def number(value: bytes | None) -> int:
    return int(value or b"-1")


@pytest.mark.live
async def test_a_broker_that_is_gone_is_unavailable_and_welcome_when_it_returns(own_server: list[KafkaServer]) -> None:
    async with opened(own_server[0], Settings(answer_within_s=1.0)) as log:
        topic = await new_topic(log)
        owner = await log.own("engine", topic, 0)
        await log.append(topic, [(0, record(b"before"))])
        await asyncio.to_thread(own_server[0].kill)
        with pytest.raises(Unavailable, match="no answer in time"):
            await log.append(topic, [(0, record(b"into the void"))])
        with pytest.raises(Unavailable):
            await owner.commit([Output(topic, record(b"into the void"))], 1)
        with pytest.raises(Unavailable, match="take over again"):
            await owner.commit([], 1)
        with pytest.raises(Unavailable):
            await log.own("engine", topic, 0)
        await owner.close()
        own_server.append(await asyncio.to_thread(KafkaServer.start, own_server[0].directory, own_server[0].port))
    async with opened(own_server[-1], Settings()) as log:
        await log.append(topic, [(0, record(b"after"))])
        assert await values(log, topic) == [b"before", b"after"]


@pytest.mark.live
async def test_a_transaction_that_is_cut_off_leaves_nothing_and_the_next_owner_need_not_wait(kafka_server: KafkaServer) -> None:
    async with opened(kafka_server, Settings()) as log:
        inputs, outputs = await new_topic(log), await new_topic(log)
        cut_off = kafka_client.new_producer(kafka_server.bootstrap, transactional_id=f"engine-{inputs}-0", transaction_timeout_ms=60_000)
        await cut_off.start()
        await cut_off.begin_transaction()
        await (await kafka_client.send(cut_off, outputs, 0, record(b"never committed")))
        owner = await log.own("engine", inputs, 0)
        await kafka_client.abandon(cut_off)
        assert await owner.committed() is None
        await owner.commit([Output(outputs, record(b"committed"))], 1)
        assert await values(log, outputs) == [b"committed"]
        await owner.close()


@pytest.mark.live
async def test_a_fenced_owner_stays_fenced(kafka_server: KafkaServer) -> None:
    async with opened(kafka_server, Settings()) as log:
        inputs = await new_topic(log)
        old, new = await log.own("engine", inputs, 0), await log.own("engine", inputs, 0)
        with pytest.raises(Fenced):
            await old.commit([Output(inputs, record(b"x"))], 1)
        with pytest.raises(Unavailable):
            await old.commit([], 1)
        await new.commit([], 2)
        await old.close()
        await new.close()


def test_absent_java_and_maven_are_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(Unavailable, match="apt-get install openjdk-17"):
        find_java()
    with pytest.raises(Unavailable, match="apt-get install maven"):
        fetch_jars()
