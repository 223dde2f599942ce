"""The canary: a reading of a device of the platform, sent every ten seconds the way every reading goes, and looked for in the log.

The reading that travels is `canary/up_s`; when its observation is seen, `canary/canary_ms` says how long that took, dated to the reading it
measured. One that was never seen leaves a hole: nobody knows how long it took. The figures of services and machine travel the same way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from city_model.clock import Clock
from city_model.codec import observations
from city_model.events import EventType, Readings
from city_model.faults import Rejected, Unavailable
from city_model.registry import City
from city_model.topics import OBSERVATIONS, partition_of
from edge_agent.sources.push import PushSource
from simulators.up.platform import CANARY
from stream_processor.logs.port import EventLog, Stored
from stream_processor.logs.records import from_record

EVERY_S = 10.0
LOST_AFTER_S = 120.0
log = logging.getLogger("saola.canary")


@dataclass(slots=True)
class Canary:
    """`latest_ms`: how long the newest one took that was seen; `counts`: sent, seen, lost."""

    city: City
    event_log: EventLog
    source: PushSource
    clock: Clock
    counts: Counter[str] = field(default_factory=Counter)
    latest_ms: float = -1.0
    away: str = ""
    watching: asyncio.Event = field(default_factory=asyncio.Event)
    _begun_s: float = field(default_factory=time.monotonic)
    _flying: dict[int, float] = field(default_factory=dict)

    async def send(self) -> None:
        """One reading on its way; what has been away too long is given up."""
        now_s, at_ms = time.monotonic(), self.clock.now_ms()
        for sent_ms, sent_s in list(self._flying.items()):
            if now_s - sent_s > LOST_AFTER_S:
                del self._flying[sent_ms]
                self.counts["lost"] += 1
        self._flying[at_ms] = now_s
        self.counts["sent"] += 1
        await self.source.push([readings_of({"up_s": now_s - self._begun_s}, at_ms)])

    async def watch(self) -> None:
        """Read what comes out at the canary's partition, from now on, until cancelled."""
        partition = partition_of(self.city.area_of(CANARY), await self.event_log.partitions(OBSERVATIONS))
        position: int | None = None
        while True:
            try:
                position = (await self.event_log.bounds(OBSERVATIONS, partition))[1] if position is None else position
                reader = await self.event_log.reader(OBSERVATIONS, partition, position)
                self.watching.set()
                try:
                    while True:
                        for row in await reader.fetch(500, wait_s=0.5):
                            await self._look(row)
                        position, self.away = reader.position, ""
                finally:
                    await reader.close()
            except Unavailable as err:
                self.away = str(err)
                await asyncio.sleep(1.0)

    async def _look(self, row: Stored) -> None:
        try:
            event = from_record(row.record)
            if event.type != EventType.OBSERVATIONS:
                return
            seen, _ = observations.decode(event.data)
        except Rejected as err:
            log.warning("an observation cannot be read", extra={"offset": row.offset, "reason": str(err)})
            return
        wanted = f"{CANARY}/up_s"
        if wanted not in seen.names:
            return
        for at_ms in seen.at_ms[seen.name_index == seen.names.index(wanted)].tolist():
            if (sent_s := self._flying.pop(at_ms, None)) is not None:
                self.latest_ms = 1000 * (time.monotonic() - sent_s)
                self.counts["seen"] += 1
                await self.source.push([readings_of({"canary_ms": self.latest_ms}, at_ms)])

    @property
    def waiting_s(self) -> float:
        """How long the oldest that is under way has been."""
        return time.monotonic() - min(self._flying.values()) if self._flying else 0.0


def readings_of(values: Mapping[str, float], at_ms: int) -> Readings:
    """One reading of each quantity at `at_ms`."""
    n = len(values)
    return Readings(tuple(values), np.arange(n, dtype=np.uint16), np.full(n, at_ms, np.int64), np.array(list(values.values()), np.float64))
