"""Histories on a real Kafka: two worker processes of which one is killed again and again, partitions that move, commands that race."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from broker_config.kafka import KafkaServer
from city_model.events import EventType
from city_model.topics import DEAD_LETTER, INPUTS, LOG_TOPICS
from simulators.ledger import caught_up, read_all, read_transitions
from simulators.load import city_toml
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core
from stream_processor.logs.kafka import KafkaLog
from stream_processor.logs.records import from_record, to_record
from tests.alarms.histories import CORE_TOML, Story, Told, by_area, check, city_of

AREAS, PARTITIONS, LIVES, ROUNDS = 60, 12, 3, 5


class Worker:
    """A `saola stream` process."""

    def __init__(self, directory: Path, url: str, name: str) -> None:
        self._directory, self._url, self._name = directory, url, name
        self.process: asyncio.subprocess.Process | None = None
        self._took_over = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when it has taken a partition over."""
        with (self._directory / f"{self._name}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "city_model", "stream", "--city", str(self._directory / "city.toml"), "--log", self._url,
                "--core", str(self._directory / "core.toml"), "--member", self._name, "--ticks", "external", "--announce",
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._listener = asyncio.create_task(self._listen(self.process))
        async with asyncio.timeout(90):
            await self._took_over.wait()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for _ in process.stdout:
            self._took_over.set()

    async def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process is not None
        assert self._listener is not None
        assert self.process.returncode is None, f"{self._name} ended by itself"
        self.process.kill()
        await self.process.wait()
        await self._listener


@pytest.mark.live
@pytest.mark.timeout(400)
async def test_killed_workers_on_kafka_tell_every_transition_once(tmp_path: Path, kafka_url: str) -> None:
    assert kafka_url  # the fixture says that Kafka can be had here; this test has one of its own
    city, rnd = city_of(AREAS), random.Random(7)
    (tmp_path / "core.toml").write_text(CORE_TOML, encoding="utf-8")
    (tmp_path / "city.toml").write_text(city_toml(city), encoding="utf-8")
    core = load_core_settings(tmp_path / "core.toml")
    story = Story(rnd, city, core, PARTITIONS)
    server = await asyncio.to_thread(KafkaServer.start, tmp_path / "kafka")
    logs = [await KafkaLog.open(server.url.removeprefix("kafka://")) for _ in range(2)]
    workers: list[Worker] = []
    try:
        await logs[0].ensure_topics(LOG_TOPICS, PARTITIONS)
        workers = [Worker(tmp_path, server.url, f"worker-{k}") for k in range(2)]
        await asyncio.gather(*(worker.start() for worker in workers))
        for life in range(LIVES):
            for _ in range(ROUNDS):
                await race(logs, story)
                await asyncio.sleep(rnd.random() * 0.2)  # where it dies is the point: anywhere
            await workers[0].kill()
            workers = [workers[1], Worker(tmp_path, server.url, f"worker-{2 + life}")]
            await race(logs, story)
            await workers[1].start()
        await logs[0].append(INPUTS, [(p, to_record(event)) for p, event in story.end()])
        await caught_up(logs[0], story.now_ms, [])
        await compare(logs[0], [Core(city, core, p) for p in range(PARTITIONS)])
    finally:
        for worker in workers:
            if worker.process is not None and worker.process.returncode is None:
                await worker.kill()
        for log in logs:
            await log.close()
        await asyncio.to_thread(server.stop)


async def race(logs: list[KafkaLog], story: Story) -> None:
    """One round: what the city sends through one producer, what people ask through the other, at the same time."""
    rows = [(p, event, event.type == EventType.COMMAND) for p, event in story.round()]
    await asyncio.gather(
        *(
            log.append(INPUTS, [(p, to_record(event)) for p, event, is_command in rows if is_command == by])
            for log, by in zip(logs, (False, True), strict=True)
        )
    )


async def compare(log: KafkaLog, cores: list[Core]) -> None:
    """What was told is what one core makes of `inputs` as they stand, in one go."""
    inputs = defaultdict(list)
    for row in await read_all(log, INPUTS):
        inputs[row.partition].append(from_record(row.record))
    expected = Told()
    for partition, core in enumerate(cores):
        expected.take(core.step(inputs[partition]))
    told = await read_transitions(log)
    check(told)
    assert by_area(told) == by_area(expected.transitions)
    assert len(by_area(told)) >= 50
    assert {"opened", "closed", "recurred", "refused", "acknowledged"} <= {t.transition for t in told}
    assert not await read_all(log, DEAD_LETTER)
