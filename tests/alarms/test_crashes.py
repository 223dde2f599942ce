"""Random histories through a real log whose workers die at any point: what is told is what a worker that never dies tells."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from city_model.clock import ManualClock
from city_model.events import AlarmEvent
from city_model.faults import Unavailable
from city_model.registry import City
from city_model.topics import DEAD_LETTER, INPUTS, LOG_TOPICS
from simulators.ledger import caught_up, read_all, read_transitions
from stream_processor.core.settings import CoreSettings, load_core_settings
from stream_processor.engine import Engine, EngineSettings
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.port import EventLog, Output, Owner
from stream_processor.logs.records import to_record
from tests.alarms.histories import CORE_TOML, T0, Story, by_area, check, city_of

HISTORIES, AREAS, PARTITIONS, ROUNDS = 10_000, 500, 4, 8
SETTINGS = EngineSettings(ticks="external", batch_records=40, snapshot_bytes=40_000, catch_bugs=False)


class CrashingLog:
    """A log whose owners die before or after a commit, now and then: the worker loses its memory there, and knows nothing of the commit."""

    def __init__(self, log: EventLog, rnd: random.Random) -> None:
        self._log, self._rnd = log, rnd
        self.crashes = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._log, name)

    async def own(self, group: str, topic: str, partition: int) -> Owner:
        owner = await self._log.own(group, topic, partition)
        return _CrashingOwner(owner, self)

    def crash(self, chance: float) -> None:
        if self._rnd.random() < chance:
            self.crashes += 1
            raise Unavailable("the worker dies here")


class _CrashingOwner:
    def __init__(self, owner: Owner, log: CrashingLog) -> None:
        self._owner, self._log = owner, log

    async def committed(self) -> int | None:
        return await self._owner.committed()

    async def commit(self, outputs: Sequence[Output], next_offset: int | None) -> None:
        self._log.crash(0.06)
        await self._owner.commit(outputs, next_offset)
        self._log.crash(0.06)

    async def close(self) -> None:
        await self._owner.close()


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> CoreSettings:
    path = tmp_path_factory.mktemp("core") / "core.toml"
    path.write_text(CORE_TOML)
    return load_core_settings(path)


async def play(seed: int, directory: Path, city: City, core: CoreSettings) -> tuple[list[AlarmEvent], Story, int]:
    """The transitions of one story on an embedded log, the story with what they must be, and how often a worker died."""
    rnd = random.Random(seed)
    story = Story(rnd, city, core, PARTITIONS)
    log = await EmbeddedLog.open(directory)
    crashing = CrashingLog(log, random.Random(-seed - 1))
    try:
        await log.ensure_topics(LOG_TOPICS, PARTITIONS)
        for name in ("first", "second"):  # the first is killed as a whole while half the story waits
            for _ in range(ROUNDS // 2):
                await log.append(INPUTS, [(p, to_record(event)) for p, event in story.round()])
            if name == "second":
                await log.append(INPUTS, [(p, to_record(event)) for p, event in story.end()])
            engine = Engine(crashing, city, core, ManualClock(T0), SETTINGS)
            running = asyncio.create_task(engine.run(name, asyncio.Event()))
            if name == "second":
                await caught_up(log, story.now_ms, [partial(_still, running)])
            else:
                await asyncio.sleep(rnd.random() * 0.2)  # where it dies is the point: anywhere
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert not [row for row in await read_all(log, DEAD_LETTER)]
        return await read_transitions(log), story, crashing.crashes
    finally:
        await log.close()


def _still(running: asyncio.Task[None]) -> None:
    if running.done():
        running.result()


@pytest.mark.timeout(600)
async def test_whatever_dies_and_wherever_the_alarms_of_ten_thousand_histories_are_told_once(tmp_path: Path, core: CoreSettings) -> None:
    city, seen, crashes = city_of(AREAS), Counter[str](), 0
    for seed in range(HISTORIES // AREAS):
        told, story, died = await play(seed, tmp_path / str(seed), city, core)
        check(told)
        assert by_area(told) == by_area([t for of_partition in story.told for t in of_partition.transitions])
        seen.update(t.transition for t in told)
        crashes += died
    assert crashes > HISTORIES // 50
    assert min(seen[word] for word in ("recurred", "closed", "escalated", "suppressed", "unshelved", "refused", "unrejected")) > 50
