"""A simulated city for running servers: real edge agents publish it to a broker, dated to now."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from city_model.clock import ManualClock, ScaledClock
from city_model.transport.open import make_transport
from edge_agent.agent import Agent
from edge_agent.settings import AgentSettings
from edge_agent.sources.push import PushSource
from simulators.cast import cast
from simulators.feeds import Feed
from simulators.story import Story, load_story

_STEP_MS = 5_000


async def run_simulation(name: str, mqtt_url: str, credentials: Path, directory: Path, stop: asyncio.Event) -> None:
    """Until `stop` or the story's end. History is left out: a running platform has its own.

    Always at real time: the servers' ticks follow the wall clock, and what runs ahead of it is refused as from the future.
    """
    story = _begin_now(load_story(name))
    clock = ManualClock(story.live_ms)
    feeds = cast(story, clock, directory)
    sources = {feed.device: PushSource(feed.device) for feed in feeds}
    agents = [
        Agent(s, make_transport(mqtt_url, credentials / f"{s.id}.toml"), [sources[d] for d in s.sites], clock)
        for s in _agents(story, feeds, directory)
    ]
    tasks = [asyncio.create_task(agent.run(stop)) for agent in agents]
    minutes = (story.end_ms - story.live_ms) // 60_000
    print(
        f"{story.title_en}: {len(feeds)} devices through {len(agents)} agents to {mqtt_url}, {minutes} minutes; Ctrl-C ends it",
        file=sys.stderr,
    )
    pace = ScaledClock(story.live_ms, 1.0)
    try:
        for at_ms in range(story.live_ms + _STEP_MS, story.end_ms + 1, _STEP_MS):
            await pace.sleep_until(at_ms)
            clock.advance_to(at_ms)
            for feed in feeds:
                if items := await feed.until(at_ms):
                    await sources[feed.device].push(items)
            if stop.is_set():
                return
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        stop.set()
        for feed in feeds:
            await feed.close()
        await asyncio.gather(*tasks, return_exceptions=True)


def _begin_now(story: Story) -> Story:
    """The story with its live part beginning now, without history."""
    now = datetime.now(ZoneInfo(story.registry.timezone)).replace(tzinfo=None, microsecond=0)
    moved = dataclasses.replace(story, start=now.replace(second=now.second // 5 * 5), history_min=0.0)
    object.__setattr__(moved, "registry", story.registry)
    return moved


def _agents(story: Story, feeds: list[Feed], directory: Path) -> list[AgentSettings]:
    """One for each agent of the registry that carries a playing device; `sites` names those devices."""
    city = story.registry
    names = sorted({city.devices[feed.device].agent or feed.device for feed in feeds})
    return [
        AgentSettings(
            name, city.site_of(name).id, directory / name,
            {f.device: city.site_of(f.device).id for f in feeds if (city.devices[f.device].agent or f.device) == name},
        )
        for name in names
    ]  # fmt: skip
