"""Plays a scenario to the end, as fast as it goes, and gives an account of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from city_model.clock import ManualClock
from city_model.topics import ALARM_EVENTS, INPUTS, partition_of
from simulators.accounts import Account, surprises
from simulators.cast import cast, repeats
from simulators.ledger import dead_letter_codes, newest_reports, read_alarms, read_ledger
from simulators.play import Player, playing
from simulators.running import RunningCity, open_city
from simulators.story import Story
from simulators.workers import Workers
from stream_processor.core.settings import load_core_settings
from stream_processor.engine import EngineSettings

Profile = Literal["embedded", "city"]
_HISTORY_STEP_MS = 240_000  # below the 5 minutes by which an item may be ahead of the last tick
_LIVE_STEP_MS = 10_000


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a scenario is played. `workers` 0: the engine runs in this process."""

    profile: Profile = "embedded"
    workers: int = 0
    kill_worker: bool = False
    mqtt_url: str = ""
    kafka_url: str = ""


async def run_scenario(story: Story, settings: RunSettings, directory: Path) -> Account:
    """Raises Unavailable when a server of the profile cannot be had."""
    started_s = time.monotonic()
    clock = ManualClock(story.begin_ms)
    assert story.registry.path is not None
    city_profile = settings.profile == "city"
    async with open_city(
        story.registry.path, story.registry, directory, clock,
        broker="mosquitto" if city_profile else "local", kafka=settings.kafka_url or city_profile, mqtt_url=settings.mqtt_url,
    ) as running:  # fmt: skip
        workers = await _engines(running, settings)
        try:
            async with playing(running, clock, cast(story, clock, directory), repeats(story)) as player:
                await running.tick(story.begin_ms)
                await _play(story, player, running, workers, kill=settings.kill_worker)
                accepted, rejected = player.accepted, player.rejected
            await _caught_up(running, workers, story.end_ms)
            alarms = await read_alarms(running.log)
            ledger = await read_ledger(running.log, accepted, rejected)
            dead = await dead_letter_codes(running.log)
        finally:
            await workers.stop()
        return Account(
            story.name, settings.profile, ledger, alarms, surprises(story, alarms), _areas(running, workers),
            workers.take_overs, workers.killed, time.monotonic() - started_s, running.stood_in, dead,
        )  # fmt: skip


async def _engines(running: RunningCity, settings: RunSettings) -> Workers:
    workers = Workers(running.city_path, running.log_url, running.directory)
    if settings.workers:
        names = [f"worker-{i + 1}" for i in range(settings.workers)]
        await workers.start(names, await running.log.partitions(INPUTS))
    else:
        running.start_engine(load_core_settings(None), EngineSettings(ticks="external", catch_bugs=False))
    return workers


async def _play(story: Story, player: Player, running: RunningCity, workers: Workers, *, kill: bool) -> None:
    for at_ms in range(story.begin_ms + _HISTORY_STEP_MS, story.live_ms, _HISTORY_STEP_MS):
        await player.step_to(at_ms)
    for at_ms in range(story.live_ms, story.end_ms + 1, _LIVE_STEP_MS):
        await player.step_to(at_ms)
        workers.check()
        if kill and not workers.killed and (owner := await _owner_of_an_open_alarm(running, workers)):
            await workers.kill(owner)


async def _owner_of_an_open_alarm(running: RunningCity, workers: Workers) -> str:
    """A worker that owns an area with an open alarm, once there is one."""
    if not any([(await running.log.bounds(ALARM_EVENTS, p))[1] for p in range(await running.log.partitions(ALARM_EVENTS))]):
        return ""
    for alarm in await read_alarms(running.log):
        if alarm.condition == "active":
            return workers.owner[partition_of(alarm.area, await running.log.partitions(INPUTS))]
    return ""


async def _caught_up(running: RunningCity, workers: Workers, end_ms: int) -> None:
    """Every partition has acted on the last tick."""
    partitions = await running.log.partitions(INPUTS)
    while True:
        reports = await newest_reports(running.log)
        if len(reports) == partitions and all(report.at_ms >= end_ms for report in reports.values()):
            return
        running.check()
        workers.check()
        await asyncio.sleep(0.1)


def _areas(running: RunningCity, workers: Workers) -> dict[str, list[str]]:
    """The areas that each worker has ever owned."""
    partition_count = max((p for owned in workers.owned_ever.values() for p in owned), default=-1) + 1
    return {
        name: sorted(area for area in running.city.areas if partition_of(area, partition_count) in owned)
        for name, owned in workers.owned_ever.items()
    }


__all__ = ["Profile", "RunSettings", "run_scenario"]
