"""The delivery proof: so many readings of so many devices through real agents, broker, bridge and log; every one is accounted for.

One message in twenty is sent twice on purpose, so that duplicates in the log are something that was counted, not something that was hoped.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from city_model.clock import ManualClock
from city_model.events import Readings
from city_model.registry import load_city
from edge_agent.sources.port import Item
from simulators.faults import Span
from simulators.feeds import split_by
from simulators.ledger import Ledger, caught_up, newest_reports, read_ledger
from simulators.load import LOAD_START_MS, QUANTITIES, air_devices, city_toml, load_batches, load_city_of
from simulators.play import playing
from simulators.running import Broker, open_city
from stream_processor.core.settings import load_core_settings
from stream_processor.engine import EngineSettings

_STEP_MS = 240_000
_SENT_TWICE = 0.05


@dataclass(frozen=True, slots=True)
class Proof:
    """What was sent and what arrived. `engine_unique` is the engine's own count: judged readings less the duplicates it dropped."""

    devices: int
    readings: int
    ledger: Ledger
    engine_unique: int
    seconds: float
    stood_in: dict[str, str]

    @property
    def holds(self) -> bool:
        """All accepted, each in the log, none lost, and the engine saw each once."""
        unique = self.ledger.unique
        return self.ledger.accepted == self.readings == unique == self.engine_unique and self.ledger.lost == 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "holds": self.holds}


class LoadFeed:
    """Readings of a load, step by step."""

    def __init__(self, device: str, batches: list[Readings]) -> None:
        self.device = device
        self._batches = batches
        self._at_ms = 0

    async def until(self, at_ms: int) -> list[Item]:
        parts = [split_by(b, (b.at_ms > self._at_ms) & (b.at_ms <= at_ms)) for b in self._batches]
        self._at_ms = at_ms
        return [part for part in parts if len(part)]

    async def close(self) -> None:
        """Nothing to let go of."""


async def prove(devices: int, readings: int, directory: Path, *, city_profile: bool) -> Proof:
    """Raises Unavailable when a server of the city profile cannot be had."""
    started_s = time.monotonic()
    path = directory / "city.toml"
    path.write_text(city_toml(load_city_of(devices)), encoding="utf-8")
    city = load_city(path)
    names = air_devices(city)
    shares = [len(part) for part in np.array_split(np.empty(readings), devices)]
    end_ms = LOAD_START_MS + -(-max(shares) // len(QUANTITIES)) * 60_000
    clock = ManualClock(LOAD_START_MS)
    feeds = [LoadFeed(name, list(load_batches(city, name, share))) for name, share in zip(names, shares, strict=True)]
    twice = {name: [Span("duplicate", 0, 2**60, share=_SENT_TWICE)] for name in names}
    broker: Broker = "mosquitto" if city_profile else "local"
    async with open_city(path, city, directory, clock, broker=broker, kafka=city_profile) as running:
        running.start_engine(load_core_settings(None), EngineSettings(ticks="external", catch_bugs=False))
        async with playing(running, clock, feeds, twice) as player:
            for at_ms in range(LOAD_START_MS, end_ms + 2 * _STEP_MS, _STEP_MS):
                await player.step_to(at_ms)
            accepted, rejected, last_ms = player.accepted, player.rejected, at_ms
        await caught_up(running.log, last_ms, (running.check,))
        ledger = await read_ledger(running.log, accepted, rejected)
        counts = [report.counts for report in (await newest_reports(running.log)).values()]
        unique = sum(c.get("readings", 0) - c.get("duplicates", 0) for c in counts)
        return Proof(devices, readings, ledger, unique, round(time.monotonic() - started_s, 2), running.stood_in)
