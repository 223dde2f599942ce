"""Rules change while alarms are open: nobody loses an alarm they work on, none is told twice, and what no longer holds ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from city_model.clock import ManualClock
from city_model.events import AlarmEvent, Command, Event, Rules
from city_model.topics import INPUTS, LOG_TOPICS, RULES
from simulators.ledger import caught_up, read_transitions
from stream_processor.core.alarms.carried import RULE_CHANGED
from stream_processor.core.settings import CoreSettings, load_core_settings
from stream_processor.engine import Engine, EngineSettings
from stream_processor.logs.compacted import newest_of_keys
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import to_record
from tests.core.city import CITY, NOON_MS, command_event, sample, samples_event, tick

SLOW_MS = NOON_MS + 300_000
"""By then a jam of 7 km/h has been seen for five minutes."""


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await EmbeddedLog.open(tmp_path / "log")
    await opened.ensure_topics(LOG_TOPICS, 1)
    yield opened
    await opened.close()


@pytest.fixture
def rules(tmp_path: Path) -> dict[str, CoreSettings]:
    """Rules by the speed below which traffic is slow, in km/h."""
    found = {}
    for name, slow_kmh in (("5", 5.0), ("10", 10.0), ("12", 12.0)):
        path = tmp_path / f"core-{name}.toml"
        path.write_text(f"[detectors.congestion]\nslow_below_kmh = {slow_kmh}\n[alarms]\nescalate_high_s = 0.0\n")
        found[name] = load_core_settings(path)
    return found


def slow(begin_s: int, end_s: int) -> list[Event]:
    """7 km/h on a full road."""
    return [samples_event(k // 5, [sample(NOON_MS + k * 1000, 7.0, 0.6)]) for k in range(begin_s, end_s, 5)]


async def work(log: EventLog, core: CoreSettings, events: list[Event], until_ms: int, snapshot_bytes: int = 1) -> list[AlarmEvent]:
    """An engine with these rules takes `events`, and a tick; gives all transitions so far."""
    await log.append(INPUTS, [(0, to_record(event)) for event in (*events, tick(until_ms))])
    settings = EngineSettings(ticks="external", snapshot_bytes=snapshot_bytes, catch_bugs=False)
    stop = asyncio.Event()
    running = asyncio.create_task(Engine(log, CITY, core, ManualClock(NOON_MS), settings).run("a", stop))
    await caught_up(log, until_ms, [])
    stop.set()
    await running
    return await read_transitions(log)


def words(told: list[AlarmEvent]) -> list[tuple[str, str]]:
    return [(t.transition, t.why if t.why == RULE_CHANGED else "") for t in told]


@pytest.mark.parametrize("snapshot_bytes", [1, 10**9])
async def test_an_alarm_goes_on_under_its_id_with_what_people_did(
    log: EventLog, rules: dict[str, CoreSettings], snapshot_bytes: int
) -> None:
    told = await work(log, rules["10"], slow(5, 300), SLOW_MS, snapshot_bytes)
    acknowledge = Command("command-1", "acknowledge", told[0].alarm.id, 1, "An", SLOW_MS)
    await work(log, rules["10"], [command_event(acknowledge)], SLOW_MS + 1, snapshot_bytes)
    await work(log, rules["12"], slow(300, 400), SLOW_MS + 100_000, snapshot_bytes)
    fast = [samples_event(k // 5, [sample(NOON_MS + k * 1000, 40.0, 0.1)]) for k in range(400, 700, 5)]
    told = await work(log, rules["12"], fast, SLOW_MS + 420_000, snapshot_bytes)
    assert words(told) == [("opened", ""), ("acknowledged", ""), ("cleared", "")]
    assert len({t.alarm.id for t in told}) == 1
    assert told[-1].alarm.acknowledged_by == "An"


@pytest.mark.parametrize("snapshot_bytes", [1, 10**9])
async def test_what_no_longer_holds_ends_with_the_reason_and_once(
    log: EventLog, rules: dict[str, CoreSettings], snapshot_bytes: int
) -> None:
    await work(log, rules["10"], slow(5, 300), SLOW_MS, snapshot_bytes)
    for later in (1, 2, 3):  # each is another worker that takes over
        told = await work(log, rules["5"], [], SLOW_MS + later * 1000, snapshot_bytes)
    assert words(told) == [("opened", ""), ("cleared", RULE_CHANGED)]
    assert told[-1].alarm.cleared_ms == SLOW_MS


async def test_what_holds_only_now_is_told_now(log: EventLog, rules: dict[str, CoreSettings]) -> None:
    assert await work(log, rules["5"], slow(5, 300), SLOW_MS) == []
    for later in (1, 2):
        told = await work(log, rules["10"], [], SLOW_MS + later * 1000)
    assert words(told) == [("opened", RULE_CHANGED)]
    assert told[0].alarm.opened_ms == SLOW_MS


async def test_the_owner_of_a_partition_says_what_it_judges_by(log: EventLog, rules: dict[str, CoreSettings]) -> None:
    for later_ms, name in ((1, "10"), (2, "5")):
        await work(log, rules[name], [], SLOW_MS + later_ms)
    (record,) = (await newest_of_keys(log, RULES, 0)).values()
    told = msgspec.json.decode(record.value or b"", type=Rules)
    congestion = next(rule for rule in told.rules if rule.name == "congestion")
    settings = {one.name: (one.value, one.origin) for one in congestion.settings}
    assert (congestion.source, congestion.kind, congestion.priority) == ("congestion", "congestion", "high")
    assert settings["slow_below_kmh"] == ("5.0", "core.toml")
    assert settings["hold_s"] == ("120.0", "default")
    assert {rule.source for rule in told.rules} >= {"congestion", "pollution", "exceedance", "sensors"}


async def test_back_and_forth_goes_on_with_the_same_alarm(log: EventLog, rules: dict[str, CoreSettings]) -> None:
    await work(log, rules["10"], slow(5, 300), SLOW_MS)
    await work(log, rules["5"], [], SLOW_MS + 1000)
    told = await work(log, rules["10"], [], SLOW_MS + 2000)
    assert words(told) == [("opened", ""), ("cleared", RULE_CHANGED), ("recurred", RULE_CHANGED)]
    assert [t.alarm.version for t in told] == [1, 2, 3]
