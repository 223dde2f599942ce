"""The canary's process: an edge agent whose devices are the platform itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from city_model.clock import Clock, WallClock
from city_model.faults import ConfigError, Problem
from city_model.registry import City, load_city
from city_model.service.about import About
from city_model.service.serve import telling
from city_model.transport.open import make_transport
from edge_agent.agent import Agent
from edge_agent.settings import AgentSettings
from edge_agent.sources.push import PushSource
from simulators.up.asking import ask
from simulators.up.canary import EVERY_S, Canary, readings_of
from simulators.up.figures import Machine, Rates
from simulators.up.platform import CANARY, HOST, PLATFORM
from stream_processor.logs.open import open_log


@dataclass(frozen=True, slots=True)
class Collect:
    """`of`: status port of each service by its device's name. `every_s` between two canaries."""

    city_path: Path
    mqtt_url: str
    credentials: Path | None
    log_url: str
    outbox: Path
    of: Mapping[str, int]
    every_s: float = EVERY_S
    allow_plaintext: bool = False


async def collect(settings: Collect, stop: asyncio.Event, status_port: int | None) -> None:
    """Send canaries and figures until `stop`. Raises ConfigError, and Unavailable when broker or log cannot be reached at the start."""
    city, clock = load_city(settings.city_path), WallClock()
    sources = _sources(city, settings)
    transport = make_transport(settings.mqtt_url, settings.credentials, allow_plaintext=settings.allow_plaintext)
    event_log = await open_log(settings.log_url)
    try:
        site = city.site_of(PLATFORM).id
        sites = {device: city.site_of(device).id for device in sources}
        agent = Agent(AgentSettings(PLATFORM, site, settings.outbox, sites), transport, list(sources.values()), clock)
        canary = Canary(city, event_log, sources[CANARY], clock)
        async with telling(about_canary(canary), status_port), asyncio.TaskGroup() as group:
            running = group.create_task(agent.run(stop))
            watching = group.create_task(canary.watch())
            sending = group.create_task(_send(settings, canary, sources, clock))
            await running
            watching.cancel()
            sending.cancel()
    finally:
        await event_log.close()


def _sources(city: City, settings: Collect) -> dict[str, PushSource]:
    carried = {device.id for device in city.devices.values() if device.agent == PLATFORM}
    names = [CANARY, HOST, *settings.of]
    if missing := [name for name in names if name not in carried]:
        expected = f"devices with agent = {PLATFORM!r}; `saola up` writes such a registry"
        raise ConfigError([Problem(str(settings.city_path), "device", f"none is named {', '.join(missing)}", expected)])
    return {name: PushSource(name) for name in names}


async def _send(settings: Collect, canary: Canary, sources: Mapping[str, PushSource], clock: Clock) -> None:
    rates, machine = Rates(), Machine(settings.outbox.parent)
    await canary.watching.wait()  # what comes through before anybody looks would count as lost
    while True:
        begun_s = time.monotonic()
        await canary.send()
        answers = await asyncio.gather(*(ask(port, "/figures") for port in settings.of.values()))
        at_ms, now_s = clock.now_ms(), time.monotonic()
        for name, answer in zip(settings.of, answers, strict=True):
            if answer is not None and (values := rates.of(name, answer["figures"], now_s)):
                await sources[name].push([readings_of(values, at_ms)])
        await sources[HOST].push([readings_of(machine.readings(), at_ms)])
        await asyncio.sleep(max(0.0, begun_s + settings.every_s - time.monotonic()))


def about_canary(canary: Canary) -> About:
    """Ready once a canary has come through, and while none has been under way for longer than three intervals."""

    def reasons() -> Iterable[str]:
        if canary.away:
            yield f"the log cannot be read: {canary.away}"
        if not canary.counts["seen"]:
            yield "no canary has come through yet"
        elif canary.waiting_s > 3 * EVERY_S:
            yield f"a canary has been under way for {canary.waiting_s:.0f} s"

    def told() -> dict[str, float]:
        counts = canary.counts
        return {"received": float(counts["sent"]), "seen": float(counts["seen"]), "errors": float(counts["lost"])}

    return About("canary", told, reasons, lambda: {"canary_ms": canary.latest_ms} if canary.counts["seen"] else {})
