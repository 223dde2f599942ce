"""The engine's promises on the embedded log: exactly once, wherever a worker dies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from city_model.clock import ManualClock
from city_model.events import Alarm, Event
from city_model.faults import Fenced
from city_model.topics import ALARM_EVENTS, DEAD_LETTER, INPUTS, LOG_TOPICS
from simulators.ledger import newest_reports, read_alarms, read_all, read_transitions
from stream_processor.core.alarms import alarms_sha256
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core, Emit
from stream_processor.engine import GROUP, Engine, EngineSettings, tick_event
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.port import EventLog, Output
from stream_processor.logs.records import from_record, to_record
from tests.core.city import CITY, NOON_MS, tick
from tests.core.test_step import STORY, alarms_of

PARTITIONS = 2
CORE = load_core_settings(None)
EXPECTED = alarms_sha256(alarms_of(Core(CITY, CORE, 0).step([*STORY, tick(NOON_MS + 6 * 3_600_000)])))
SETTINGS = EngineSettings(ticks="external", batch_records=7, snapshot_bytes=4_000, catch_bugs=False)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await EmbeddedLog.open(tmp_path / "log")
    await opened.ensure_topics(LOG_TOPICS, PARTITIONS)
    yield opened
    await opened.close()


def engine(log: EventLog, settings: EngineSettings = SETTINGS) -> Engine:
    return Engine(log, CITY, CORE, ManualClock(NOON_MS), settings)


async def put(log: EventLog, events: list[Event]) -> None:
    await log.append(INPUTS, [(0, to_record(event)) for event in events])


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.02)


async def finished(log: EventLog) -> None:
    """Every partition has acted on the last tick."""
    end_ms = NOON_MS + 6 * 3_600_000
    await log.append(INPUTS, [(p, to_record(tick_event(end_ms, "test"))) for p in range(PARTITIONS)])

    async def all_there() -> bool:
        reports = await newest_reports(log)
        return all(p in reports and reports[p].at_ms == end_ms for p in range(PARTITIONS))

    await until(all_there)


async def start(running: Engine, name: str) -> tuple[asyncio.Task[None], asyncio.Event]:
    stop = asyncio.Event()
    return asyncio.create_task(running.run(name, stop)), stop


async def test_inputs_become_alarms_and_offsets_in_one_go(log: EventLog) -> None:
    task, stop = await start(engine(log), "a")
    await put(log, STORY)
    await finished(log)
    stop.set()
    await task
    assert alarms_sha256(await read_alarms(log)) == EXPECTED


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_worker_killed_again_and_again_leaves_each_transition_exactly_once(log: EventLog, seed: int) -> None:
    rnd = random.Random(seed)
    shuffled = rnd.sample(STORY, len(STORY))
    for start_at in range(0, len(shuffled), 25):
        task, _ = await start(engine(log), f"w{start_at}")
        await put(log, shuffled[start_at : start_at + 25])
        await asyncio.sleep(rnd.random() * 0.1)  # where it dies is the point: anywhere
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    task, stop = await start(engine(log), "last")
    await finished(log)
    stop.set()
    await task
    assert alarms_sha256(await read_alarms(log)) == EXPECTED
    transitions = [(t.alarm.id, t.transition, t.at_ms) for t in await read_transitions(log)]
    assert len(transitions) == len(set(transitions))
    assert sorted(t for _, t, _ in transitions).count("opened") == len(await read_alarms(log))


async def test_a_zombie_that_lost_its_partition_commits_nothing(log: EventLog) -> None:
    zombie = await log.own(GROUP, INPUTS, 0)
    task, stop = await start(engine(log), "new")
    await put(log, STORY)
    await finished(log)
    with pytest.raises(Fenced):
        await zombie.commit([Output(ALARM_EVENTS, to_record(tick_event(0, "zombie")))], 1)
    stop.set()
    await task
    assert alarms_sha256(await read_alarms(log)) == EXPECTED


async def test_its_own_ticks_come_back_as_data(log: EventLog) -> None:
    clock = ManualClock(NOON_MS)
    running = Engine(log, CITY, CORE, clock, EngineSettings(ticks="own", tick_s=5, catch_bugs=False))
    task, stop = await start(running, "a")

    async def ticked() -> bool:
        clock.advance_to(clock.now_ms() + 5_000)
        return len(await newest_reports(log)) == PARTITIONS and all(
            r.at_ms > NOON_MS + 20_000 for r in (await newest_reports(log)).values()
        )

    await until(ticked)
    stop.set()
    await task


class _PoisonedCore(Core):
    """A core with a bug: a certain reading breaks it."""

    def step(self, events: Any) -> list[Emit]:  # noqa: ANN401
        if any(event.boot == "poison" for event in events):
            raise ZeroDivisionError("planted")
        return super().step(events)


async def test_a_bug_sets_its_record_aside_and_the_partition_goes_on(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_processor.engine.Core", _PoisonedCore)
    bad = Event(STORY[0].type, "s2", "air-1", "poison", 0, 1, NOON_MS, STORY[0].content_type, b"")
    running = engine(log, EngineSettings(ticks="external", batch_records=7))
    task, stop = await start(running, "a")
    await put(log, [*STORY[:20], bad, *STORY[20:]])
    await finished(log)
    stop.set()
    await task
    assert alarms_sha256(await read_alarms(log)) == EXPECTED
    letters = [from_record(row.record) for row in await read_all(log, DEAD_LETTER)]
    assert [msgspec.json.decode(letter.data)["code"] for letter in letters] == ["bug"]
    assert running.counts.bugs >= 1


def test_the_story_has_alarms() -> None:
    found: list[Alarm] = alarms_of(Core(CITY, CORE, 0).step(STORY))
    assert {alarm.rule for alarm in found} == {"congestion", "pm25_1h"}
