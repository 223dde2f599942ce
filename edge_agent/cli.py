"""`saola edge`: the agent at the pole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Iterable
from pathlib import Path

import click

from city_model.clock import Clock, WallClock
from city_model.codec.cloudevents import parse_rfc3339
from city_model.nursery import Nursery
from city_model.service.about import About, numbers
from city_model.service.options import service_options
from city_model.service.serve import telling
from city_model.transport.open import make_transport
from city_model.transport.port import Transport
from edge_agent.agent import Agent
from edge_agent.site import AS_RECORDED, LAST_ROW_NOW, AirPart, Site, load_site
from edge_agent.sources.air_csv import AirCsvSource, Redate
from edge_agent.sources.air_map import load_map
from edge_agent.sources.camera import CameraSource, camera_nursery
from edge_agent.sources.port import Source


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path), help="site.toml.")
@click.option("--check", "only_check", is_flag=True, help="Only check the configuration.")
@click.option("--json", "as_json", is_flag=True, help="Print what was counted at the end.")
@service_options("edge")
def edge(path: Path, only_check: bool, as_json: bool, status_port: int | None) -> None:
    """Run an agent: its cameras and stations into the outbox, the outbox to the broker.

    Ends on SIGTERM or Ctrl-C, or by itself when every source has ended (recordings) and everything is acknowledged.
    """
    site = load_site(path)
    if only_check:
        click.echo(f"{path}: nothing wrong", err=True)
        return
    counts = asyncio.run(_run(site, status_port))
    if as_json:
        click.echo(json.dumps(counts))


async def _run(site: Site, status_port: int | None) -> dict[str, object]:
    clock = WallClock()
    nursery = camera_nursery()
    sources = await make_sources(site, clock, nursery)
    transport = make_transport(site.mqtt.url, site.mqtt.credentials, allow_plaintext=site.mqtt.plaintext == "trusted_network")
    agent = Agent(site.agent_settings(), transport, sources, clock)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    end = asyncio.create_task(_stop_at_the_end(agent, stop))
    try:
        async with telling(about_agent(agent, transport), status_port):
            await agent.run(stop)
    finally:
        end.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await end
        await nursery.close()
    return {**agent.counts.as_dict(), "waiting": agent.waiting}


def about_agent(agent: Agent, transport: Transport) -> About:
    """Ready while the broker is reached and the disk takes what is measured; measuring goes on without the broker."""

    def reasons() -> Iterable[str]:
        if not transport.connected:
            yield "not connected to the broker; the outbox keeps everything"
        if agent.trouble:
            yield agent.trouble

    def told() -> dict[str, float]:
        counts = agent.counts
        errors = counts.faults + counts.set_aside + counts.evicted + counts.rejected.total()
        return {**numbers(counts), "received": float(counts.accepted), "errors": float(errors)}

    return About("edge", told, reasons, lambda: {"outbox_items": float(agent.waiting)})


async def make_sources(site: Site, clock: Clock, nursery: Nursery | None = None) -> list[Source]:
    """The sources of `site`; recordings of air are read now. Raises ConfigError or Unavailable when one cannot be."""
    air = [_air(part, clock) for part in site.air]
    for source in air:
        await source.load()
    return [*(CameraSource(camera, clock, nursery=nursery) for camera in site.camera), *air]


def _air(part: AirPart, clock: Clock) -> AirCsvSource:
    redate = None
    if part.redate != AS_RECORDED:
        redate = Redate(clock.now_ms(), None if part.redate == LAST_ROW_NOW else parse_rfc3339(part.redate))
    return AirCsvSource(
        part.device, part.csv, load_map(part.map, part.timezone), clock, redate=redate, quantities=frozenset(part.quantities)
    )


async def _stop_at_the_end(agent: Agent, stop: asyncio.Event) -> None:
    await agent.ended()
    await agent.drained()
    stop.set()
