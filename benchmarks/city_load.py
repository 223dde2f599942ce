"""A city's load for `benchmarks.city`: 421 cameras with a sample a second and 100 stations with a reading a second, through real agents."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from city_model.clock import WallClock
from city_model.events import CameraEvent, Readings, TrafficSample
from city_model.registry import Area, City, Device, Direction, Site
from city_model.transport.open import make_transport
from edge_agent.agent import Agent
from edge_agent.settings import AgentSettings
from edge_agent.sources.push import PushSource

CAMERAS, STATIONS, AREAS, AGENTS = 421, 100, 24, 8
DWELL_MS = 10_000
MOST_WAITING = 4_000


def city() -> City:
    """Sites on a grid; every agent carries cameras and stations, every area has both."""
    sites = [
        Site(f"site-{k:03d}", f"area-{k % AREAS:02d}", f"Điểm {k}", f"Site {k}", 10.9 + 0.005 * (k // 25), 106.6 + 0.005 * (k % 25))
        for k in range(CAMERAS)
    ]
    north = (Direction("north", "Bắc", "North"),)
    agents = [Device(f"pole-{n}", f"site-{n:03d}", "agent") for n in range(AGENTS)]
    cameras = [Device(f"cam-{k:03d}", f"site-{k:03d}", "camera", f"pole-{k % AGENTS}", (), north) for k in range(CAMERAS)]
    stations = [Device(f"air-{k:03d}", f"site-{k:03d}", "air", f"pole-{k % AGENTS}", ("pm25",)) for k in range(STATIONS)]
    areas = tuple(Area(f"area-{a:02d}", f"Khu {a}", f"Area {a}") for a in range(AREAS))
    return City("Thành phố đo", "Benchmark city", area=areas, site=tuple(sites), device=(*agents, *cameras, *stations))


@dataclass(slots=True)
class Load:
    """`pushed_s`: when a camera's stopped vehicle was handed to its agent (monotonic seconds), by device."""

    sources: dict[str, PushSource]
    agents: list[Agent]
    pushed_s: dict[str, float] = field(default_factory=dict)
    _clock: WallClock = field(default_factory=WallClock)

    @property
    def accepted(self) -> int:
        return sum(agent.counts.accepted for agent in self.agents)

    @property
    def rejected(self) -> int:
        return sum(agent.counts.rejected.total() for agent in self.agents)

    async def offer(self, per_s: float, seconds: float, *, stops: bool) -> tuple[int, float]:
        """Items at an even rate, round after round of all devices; (items, seconds). With `stops` a camera a second tells of one."""
        devices = list(self.sources)
        begun_s, sent, told_s = time.monotonic(), 0, 0.0
        while (now_s := time.monotonic() - begun_s) < seconds:
            due = int(now_s * per_s) + 1 - sent
            room = MOST_WAITING - sum(agent.waiting for agent in self.agents)  # what waits in outboxes is not carried
            for _ in range(min(due, 200, room)):
                device = devices[sent % len(devices)]
                stopped = stops and device.startswith("cam") and device not in self.pushed_s and now_s - told_s >= 1.0 and now_s > 2.0
                told_s = now_s if stopped else told_s
                await self._push(device, stopped=stopped)
                sent += 1
            await asyncio.sleep(0.002 if due >= 200 and room > 200 else 0.01)
        return sent, time.monotonic() - begun_s

    async def _push(self, device: str, *, stopped: bool) -> None:
        at_ms, n = self._clock.now_ms(), np.zeros(1, np.uint16)
        if device.startswith("air"):
            await self.sources[device].push([Readings(("pm25",), n, np.array([at_ms]), np.array([20.0]))])
            return
        event = CameraEvent("stopped_vehicle", "begin", 1, at_ms, at_ms - DWELL_MS, 0.9, "north", dwell_s=DWELL_MS / 1000)
        if stopped:
            self.pushed_s[device] = time.monotonic()
        stands = 1 if device in self.pushed_s else 0
        sample = TrafficSample(
            at_ms, 1.0, "north", 5, 3, 0, 900.0, 0.1, 0.9, 32.0, stopped=stands, events=(event,) if stopped else ()
        )  # fmt: skip
        await self.sources[device].push([sample])


def make_load(city: City, mqtt_url: str, credentials: Path, directory: Path) -> Load:
    """Agents with their outboxes in `directory`; nothing runs yet."""
    devices = [device for device in city.device if device.kind != "agent"]
    sources = {device.id: PushSource(device.id) for device in sorted(devices, key=lambda device: device.id[-3:])}
    clock, agents = WallClock(), []
    for n in range(AGENTS):
        name = f"pole-{n}"
        sites = {device.id: device.site for device in devices if device.agent == name}
        settings = AgentSettings(name, f"site-{n:03d}", directory / name, sites, batch_wait_s=0.1, window_batches=2_000)
        transport = make_transport(mqtt_url, credentials / f"{name}.toml", receive_maximum=1_000)
        agents.append(Agent(settings, transport, [sources[device] for device in sites], clock))
    return Load(sources, agents)
