"""From items to accepted batches: collects by device, commits in groups, and makes sources wait when the disk does."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from city_model.clock import Clock
from city_model.events import Readings, TrafficSample
from city_model.faults import Unavailable
from edge_agent.batching import Batching
from edge_agent.counts import AgentCounts
from edge_agent.disk import Disk
from edge_agent.outbox import Batch, Outbox, Priority
from edge_agent.settings import AgentSettings
from edge_agent.sources.port import Frame

log = logging.getLogger(__name__)
_MOST_READY = 64  # encoded batches that wait for the disk; then `take` waits
_LONGEST_RETRY_S = 5.0


class Intake:
    """`take` items, `flush` to have them committed now. `trouble` says in words why nothing can be accepted."""

    def __init__(
        self, settings: AgentSettings, outbox: Outbox, disk: Disk, clock: Clock, counts: AgentCounts, accepted: Callable[[], None]
    ) -> None:
        self.trouble = ""
        self._settings, self._outbox, self._disk, self._clock, self._counts = settings, outbox, disk, clock, counts
        self._accepted = accepted
        self._batching: dict[str, Batching] = {}
        self._ready: dict[Priority, list[Batch]] = {Priority.NORMAL: [], Priority.FRAME: []}
        self._work = asyncio.Event()
        self._done = asyncio.Event()
        self._flushes_wanted = 0
        self._flushes_done = 0

    async def take(self, device: str, item: Readings | TrafficSample | Frame) -> None:
        """Take an item of a device. Waits while the disk is behind."""
        while sum(map(len, self._ready.values())) >= _MOST_READY:
            self._done.clear()
            await self._done.wait()
        batching = self._batching.get(device)
        if batching is None:
            batching = Batching(self._settings.site_of(device), device, self._settings.batch_items)
            self._batching[device] = batching
        waited = batching.since_s is not None
        for batch in batching.add(item, asyncio.get_running_loop().time()):
            self._ready[Priority.FRAME if isinstance(item, Frame) else Priority.NORMAL].append(batch)
            waited = False
        if not waited:
            self._work.set()

    async def flush(self) -> None:
        """Return when everything taken before is committed."""
        self._flushes_wanted += 1
        mine = self._flushes_wanted
        self._work.set()
        while self._flushes_done < mine:
            self._done.clear()
            await self._done.wait()

    async def run(self) -> None:
        """Commit what is ready, for ever."""
        while True:
            await self._until_work()
            flushing = self._flushes_wanted
            self._collect(everything=flushing > self._flushes_done)
            for priority, batches in self._ready.items():
                while batches:
                    part = batches[:_MOST_READY]
                    await self._commit(part, priority)
                    del batches[: len(part)]
            self._flushes_done = max(self._flushes_done, flushing)
            self._done.set()

    async def _until_work(self) -> None:
        """Until something is full, due or flushed; never sooner after the last commit than the settings say, except for a flush."""
        loop = asyncio.get_running_loop()
        earliest_s = loop.time() + self._settings.commit_wait_s
        while self._flushes_wanted == self._flushes_done:
            if any(self._ready.values()):
                due_s = earliest_s
            else:
                waiting = [b.since_s for b in self._batching.values() if b.since_s is not None]
                due_s = max(earliest_s, min(waiting) + self._settings.batch_wait_s) if waiting else float("inf")
            if loop.time() >= due_s:
                return
            self._work.clear()
            try:
                async with asyncio.timeout_at(due_s if due_s < float("inf") else None):
                    await self._work.wait()
            except TimeoutError:
                continue

    def _collect(self, *, everything: bool) -> None:
        """Close the batches that have waited long enough."""
        since_s = asyncio.get_running_loop().time() - self._settings.batch_wait_s
        for batching in self._batching.values():
            if batching.since_s is not None and (everything or batching.since_s <= since_s):
                self._ready[Priority.NORMAL] += batching.flush()

    async def _commit(self, batches: list[Batch], priority: Priority) -> None:
        """Have `batches` accepted, however long the disk takes."""
        wait_s = 0.1
        while True:
            try:
                await self._disk(self._outbox.append, batches, self._clock.now_ms(), priority)
                break
            except Unavailable as err:
                if not self.trouble:
                    log.warning("nothing can be accepted, sources wait: %s", err)
                self.trouble = str(err)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))
                wait_s = min(2 * wait_s, _LONGEST_RETRY_S)
        if self.trouble:
            log.warning("accepting again")
            self.trouble = ""
        self._counts.batches += len(batches)
        for batch in batches:
            self._counts.accepted += batch.count
            self._counts.accepted_by_device[batch.device] += batch.count
        self._accepted()
