"""The agent at the pole: pulls its sources, accepts what they measure into the outbox, and sends it until the bridge has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from city_model import __version__
from city_model.clock import Clock
from city_model.events import Status
from city_model.faults import Unavailable
from city_model.transport.port import Transport
from edge_agent.counts import AgentCounts
from edge_agent.disk import Disk
from edge_agent.intake import Intake
from edge_agent.outbox import Outbox
from edge_agent.presence import Presence
from edge_agent.settings import AgentSettings
from edge_agent.sources.paced import Paced
from edge_agent.sources.port import Fault, Item, Source
from edge_agent.uplink import Uplink

log = logging.getLogger(__name__)
_SETTLE_EVERY_S = 1.0
_GOODBYE_S = 2.0


class Agent:
    """One outbox, one connection, several sources. `counts` is what the ledger of deliveries uses."""

    def __init__(self, settings: AgentSettings, transport: Transport, sources: Sequence[Source], clock: Clock) -> None:
        """Opens the outbox. Raises Unavailable when it cannot be had."""
        self.counts = AgentCounts()
        self._settings, self._transport, self._sources, self._clock = settings, transport, list(sources), clock
        self._outbox = Outbox(settings.outbox, settings.site, settings.id, clock.now_ms(), settings.budget)
        self._disk = Disk()
        sites = {device: settings.site_of(device) for device in (settings.id, *(s.device for s in sources))}
        self._uplink = Uplink(settings, sites, transport, self._outbox, self._disk, clock, self.counts)
        self._presence = Presence(settings, sites, transport, clock, self._describe)
        self._intake = Intake(settings, self._outbox, self._disk, clock, self.counts, self._uplink.wake)
        self._ended = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Items that are accepted and not acked."""
        return self._outbox.items

    @property
    def trouble(self) -> str:
        """Why nothing can be accepted now; empty when it can."""
        return self._intake.trouble

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then end within a few seconds; what is not acked stays in the outbox for the next start."""
        log.info("agent %s: %d sources, %d items in the outbox", self._settings.id, len(self._sources), self.waiting)
        try:
            async with asyncio.TaskGroup() as group:
                service = [group.create_task(work) for work in (self._link(), self._uplink.send(), self._presence.run(), self._settle())]
                service.append(group.create_task(self._intake.run()))
                pulls = group.create_task(self._pull_all())
                await stop.wait()
                pulls.cancel()
                await asyncio.wait([pulls])
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.stop_grace_s):
                        await self.drained()
                for task in service:
                    task.cancel()
        finally:
            await self._close()

    async def flushed(self, up_to_ms: int | None = None) -> None:
        """Return when everything handed over so far is committed and acked by the bridge. With `up_to_ms`, first wait until paced sources
        have given everything up to that time of the clock (which must have come)."""
        for source in self._sources:
            if isinstance(source, Paced):
                await source.caught_up(up_to_ms)
        await self.drained()

    async def drained(self) -> None:
        """Return when everything accepted so far is acked by the bridge."""
        await self._intake.flush()
        await self._uplink.settled(self._outbox.last_id)

    async def ended(self) -> None:
        """Return when every source has ended by itself."""
        await self._ended.wait()

    async def _link(self) -> None:
        await self._presence.connect(self._uplink.ack_filters())
        await self._uplink.listen()

    async def _pull_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._pull(source))
        self._ended.set()

    async def _pull(self, source: Source) -> None:
        try:
            async for item in source.items():
                await self._take(source.device, item)
        finally:
            await source.close()

    async def _take(self, device: str, item: Item) -> None:
        if isinstance(item, Fault):
            self.counts.faults += 1
            self._presence.say(device, "fault", item.reason)
            return
        if self._presence.is_faulty(device):
            self._presence.say(device, "online", "recovered")
        await self._intake.take(device, item)

    async def _settle(self) -> None:
        """Now and then: acked rows out of the files, old segments out of the directory."""
        while True:
            await asyncio.sleep(_SETTLE_EVERY_S)
            with contextlib.suppress(Unavailable):  # a full disk: `Intake.trouble` says so, and the next time will do
                await self._disk(self._outbox.settle, self._clock.now_ms())
            self.counts.evicted = self._outbox.counts.evicted_items
            self.counts.gaps = self._outbox.counts.gaps
            self._uplink.wake()

    def _describe(self) -> Status:
        facts = self._outbox.counts
        words = [self._intake.trouble, *self._outbox.too_new]
        if facts.aside_items:
            words.append(f"{facts.aside_items} items set aside: the broker refuses them")
        if facts.evicted_items:
            words.append(f"{facts.evicted_items} items given up: the outbox was full")
        if facts.damaged_segments:
            words.append(f"{facts.damaged_segments} damaged segments")
        return Status(
            "fault" if self._intake.trouble else "online", self._clock.now_ms(), self._outbox.boot, __version__, self._outbox.items,
            "; ".join(filter(None, words)),
        )  # fmt: skip

    async def _close(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._presence.leave()
        await self._transport.close()
        await self._disk(self._outbox.close)
        self._disk.close()
