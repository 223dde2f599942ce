"""`saola broker` and `saola device`: what the servers are told, written from the registry and checked against it.

Without `--out` the files stand in `broker` beside city.toml; without `--settings` broker.toml is read there if it exists.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from broker_config.settings import BrokerSettings, load_settings
from city_model.cli import EXIT_FOUND
from city_model.faults import ConfigError, Problem
from city_model.registry import City, load_city

F = TypeVar("F", bound=Callable[..., Any])


def _places(command: F) -> F:
    for option in (
        click.option("--settings", "settings_path", type=click.Path(path_type=Path), help="broker.toml; without it, all defaults."),
        click.option("--out", "directory", type=click.Path(path_type=Path), help="Where the files stand."),
        click.option("--city", "city_path", required=True, type=click.Path(path_type=Path), help="The registry, city.toml."),
    ):
        command = option(command)
    return command


@click.group()
def broker() -> None:
    """Mosquitto's configuration and Kafka's topics, from the registry."""


@broker.command()
@_places
def render(city_path: Path, directory: Path | None, settings_path: Path | None) -> None:
    """Write mosquitto.conf, ACL, passwords, credentials and the topics' declaration. Secrets are made once and kept."""
    from broker_config.render import render as write

    city, settings, out = _read(city_path, directory, settings_path)
    for path in write(city, settings, out):
        click.echo(path)


@broker.command()
@_places
def apply(city_path: Path, directory: Path | None, settings_path: Path | None) -> None:
    """Write the files, tell a running Mosquitto to read passwords and ACL again, create Kafka's topics."""
    from broker_config.render import render as write
    from broker_config.running import reload_broker

    city, settings, out = _read(city_path, directory, settings_path)
    for path in write(city, settings, out):
        click.echo(path)
    pid = reload_broker(out)
    click.echo(f"mosquitto (process {pid}) reads passwords and ACL again" if pid else f"no mosquitto runs with {out}", err=True)
    if not settings.kafka.bootstrap:
        click.echo("kafka.bootstrap is empty: no topics made", err=True)
        return
    from broker_config.kafka_topics import create  # here: a city without Kafka has no aiokafka

    made = asyncio.run(create(settings.kafka))
    click.echo(f"kafka {settings.kafka.bootstrap}: {', '.join(made) if made else 'every topic was there'}", err=True)


@broker.command()
@_places
@click.option("--running", is_flag=True, help="A server that does not answer is a finding too.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def check(city_path: Path, directory: Path | None, settings_path: Path | None, running: bool, as_json: bool) -> None:
    """Compare files, broker and Kafka with the registry; exit code 1 when something is wrong."""
    from broker_config.running import Finding, check_broker, check_files, check_kafka

    city, settings, out = _read(city_path, directory, settings_path)

    async def look() -> list[Finding]:
        files = check_files(city, settings, out)
        return files + [f async for f in check_broker(settings.mqtt, out)] + await check_kafka(settings)

    found = asyncio.run(look())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found]))
    else:
        for finding in found:
            click.echo(f"{finding.state:6} {finding.what}{': ' if finding.detail else ''}{finding.detail}")
    if any(finding.state == "wrong" or (running and finding.state == "absent") for finding in found):
        raise click.exceptions.Exit(EXIT_FOUND)


@click.group()
def device() -> None:
    """Devices of the registry: register one and issue its credentials while the broker runs."""


@device.command()
@_places
@click.option("--id", "device_id", required=True, help="1 to 63 of a-z, 0-9 and '-'.")
@click.option("--site", required=True, help="The site it stands at.")
@click.option("--kind", required=True, type=click.Choice(["camera", "air", "loop", "agent"]), help="What it is.")
@click.option("--agent", default="", help="The agent that carries it; without one it connects itself.")
@click.option("--quantity", "quantities", multiple=True, help="What it measures; repeat.")
@click.option("--direction", "directions", multiple=True, help="A direction a camera watches; repeat.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def add(
    city_path: Path, directory: Path | None, settings_path: Path | None, device_id: str, site: str, kind: Any, agent: str,  # noqa: ANN401
    quantities: tuple[str, ...], directions: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Register a device, issue its credentials and tell a running Mosquitto. Connections live on; the bridge notices by itself."""
    from broker_config.city_file import add_device
    from broker_config.render import CREDENTIALS, render_access
    from broker_config.running import reload_broker
    from city_model.registry import Device, Direction

    _, settings, out = _read(city_path, directory, settings_path)
    rows = tuple(Direction(one, one, one) for one in directions)
    city = add_device(city_path, Device(device_id, site, kind, agent, quantities, rows))
    render_access(city, settings, out)
    pid = reload_broker(out)
    credentials = "" if agent else str(out / CREDENTIALS / f"{device_id}.toml")
    if as_json:
        click.echo(json.dumps({"device": device_id, "credentials": credentials, "reloaded_pid": pid}))
        return
    click.echo(credentials or f"{device_id} is carried by {agent}, whose credentials stay")
    click.echo(f"mosquitto (process {pid}) knows it now" if pid else "no mosquitto runs here; it will know when it starts", err=True)


def _read(city_path: Path, directory: Path | None, settings_path: Path | None) -> tuple[City, BrokerSettings, Path]:
    """Registry, settings and the directory of files. Raises ConfigError with the problems of both files."""
    beside = city_path.parent / "broker.toml"
    problems: list[Problem] = []
    try:
        city = load_city(city_path)
    except ConfigError as err:
        problems += err.problems
    try:
        settings = load_settings(settings_path or (beside if beside.exists() else None))
    except ConfigError as err:
        problems += err.problems
    if problems:
        raise ConfigError(problems)
    return replace(city, path=city_path), settings, directory or city_path.parent / "broker"
