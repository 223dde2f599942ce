"""Plays a scenario to the end, as fast as it goes, and gives an account of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from city_model.clock import ManualClock
from city_model.topics import ALARM_EVENTS, INPUTS, partition_of
from simulators.accounts import Account, surprises
from simulators.cast import cast, repeats
from simulators.ledger import caught_up, dead_letter_codes, read_alarms, read_ledger
from simulators.play import Player, playing
from simulators.running import RunningCity, open_city
from simulators.story import Story
from simulators.workers import Workers
from stream_processor.core.settings import load_core_settings
from stream_processor.engine import EngineSettings

Profile = Literal["embedded", "city"]
_HISTORY_STEP_MS = 240_000  # below the 5 minutes by which an item may be ahead of the last tick
_LIVE_STEP_MS = 30_000


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
        partitions = await running.log.partitions(INPUTS)
        at_start = _areas(running, workers.owner, partitions)
        try:
            async with playing(running, clock, cast(story, clock, directory), repeats(story)) as player:
                await running.tick(story.begin_ms)
                await _play(story, player, running, workers, kill=settings.kill_worker)
                accepted, rejected = player.accepted, player.rejected
            await caught_up(running.log, story.end_ms, (running.check, workers.check))
            alarms = await read_alarms(running.log)
            ledger = await read_ledger(running.log, accepted, rejected)
            dead = await dead_letter_codes(running.log)
        finally:
            await workers.stop()
        return Account(
            scenario=story.name,
            profile=settings.profile,
            ledger=ledger,
            alarms=alarms,
            surprises=surprises(story, alarms),
            areas_by_worker=at_start,
            areas_by_worker_at_end=_areas(running, workers.owner, partitions),
            take_overs=workers.take_overs,
            killed=workers.killed,
            seconds=time.monotonic() - started_s,
            stood_in=running.stood_in,
            dead_letters=dead,
        )


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


def _areas(running: RunningCity, owner: dict[int, str], partitions: int) -> dict[str, list[str]]:
    """The areas of each worker."""
    by_worker: dict[str, list[str]] = {name: [] for name in sorted(set(owner.values()))}
    for area in sorted(running.city.areas):
        if (name := owner.get(partition_of(area, partitions))) is not None:
            by_worker[name].append(area)
    return by_worker


__all__ = ["Profile", "RunSettings", "run_scenario"]
