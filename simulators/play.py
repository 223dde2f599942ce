"""Plays feeds through real edge agents, step by step: data up to T, acknowledged by the bridge, then tick T.

"Acknowledged" is the application's: the log has it. What a story delays on purpose is the only thing a tick does not wait for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from city_model.clock import ManualClock
from city_model.transport.port import Transport
from edge_agent.agent import Agent
from edge_agent.settings import AgentSettings
from edge_agent.sources.push import PushSource
from simulators.faults import RepeatingTransport, Span
from simulators.feeds import Feed
from simulators.running import RunningCity


class Player:
    """The agents of a city and the one clock they all go by."""

    def __init__(
        self, running: RunningCity, clock: ManualClock, feeds: Sequence[Feed], repeated: dict[str, list[Span]] | None = None
    ) -> None:
        self._running = running
        self._clock = clock
        self._feeds = feeds
        self.sources = {feed.device: PushSource(feed.device) for feed in feeds}
        self._repeaters: list[RepeatingTransport] = []
        self.agents = [self._agent(agent, devices, repeated or {}) for agent, devices in _by_agent(running, feeds).items()]

    def _agent(self, agent: str, devices: list[str], repeated: dict[str, list[Span]]) -> Agent:
        city = self._running.city
        transport: Transport = self._running.connect(agent)
        if mine := {device: spans for device, spans in repeated.items() if device in devices}:
            repeater = RepeatingTransport(transport, mine, seed=len(self._repeaters))
            self._repeaters.append(repeater)
            transport = repeater
        outbox = self._running.directory / "outbox" / agent
        sites = {device: city.site_of(device).id for device in devices}
        settings = AgentSettings(agent, city.site_of(agent).id, outbox, sites, commit_wait_s=0.005)
        return Agent(settings, transport, [self.sources[device] for device in devices], self._clock)

    async def step_to(self, at_ms: int) -> None:
        """Everything up to `at_ms` is measured, accepted, in the log and acknowledged; then time comes to `at_ms`."""
        self._clock.advance_to(at_ms)
        for repeater in self._repeaters:
            await repeater.repeat_due(at_ms)
        await asyncio.gather(*(self._push(feed, at_ms) for feed in self._feeds))
        await asyncio.gather(*(agent.drained() for agent in self.agents))
        await self._running.tick(at_ms)
        self._running.check()

    async def _push(self, feed: Feed, at_ms: int) -> None:
        source = self.sources[feed.device]
        if items := await feed.until(at_ms):
            await source.push(items)
            await source.caught_up(None)

    async def close(self) -> None:
        """Let the feeds go (children end)."""
        for feed in self._feeds:
            await feed.close()

    @property
    def accepted(self) -> int:
        """Items committed in the outboxes."""
        return sum(agent.counts.accepted for agent in self.agents)

    @property
    def rejected(self) -> int:
        """Items the bridge answered with a dead letter."""
        return sum(sum(agent.counts.rejected.values()) for agent in self.agents)


def _by_agent(running: RunningCity, feeds: Sequence[Feed]) -> dict[str, list[str]]:
    carried: dict[str, list[str]] = defaultdict(list)
    for feed in feeds:
        carried[running.city.devices[feed.device].agent or feed.device].append(feed.device)
    return carried


@asynccontextmanager
async def playing(
    running: RunningCity, clock: ManualClock, feeds: Sequence[Feed], repeated: dict[str, list[Span]] | None = None
) -> AsyncIterator[Player]:
    """A player whose agents run; at the end they stop in order, with nothing left unsent."""
    player = Player(running, clock, feeds, repeated)
    stop = asyncio.Event()
    tasks = [asyncio.create_task(agent.run(stop)) for agent in player.agents]
    running.tasks += tasks
    try:
        yield player
    finally:
        stop.set()
        await player.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            running.tasks.remove(task)
