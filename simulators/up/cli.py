"""`saola up`: a profile, all of it. `saola canary`: the reading that tells whether it works."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import click

from city_model.faults import ConfigError, Problem
from city_model.service.options import service_options

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--profile", type=click.Choice(["city", "embedded"]), default="city", show_default=True, help="embedded: files, no Kafka.")
@click.option("--city", "city_path", required=True, type=_PATH, help="The registry, city.toml; broker.toml beside it is read too.")
@click.option("--data", type=_PATH, default=Path(".saola"), show_default=True, help="Directory of everything that is kept.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Engine processes.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="Port of the page; 0 takes a free one.")
@click.option("--mqtt-port", type=click.IntRange(0, 65_535), default=1883, show_default=True, help="Of the broker; 0 takes a free one.")
@click.option("--mqtt", "mqtt_url", default="", metavar="URL", help="A broker that runs already; with --credentials.")
@click.option("--credentials", type=_PATH, help="Folder of `saola broker render` for that broker.")
@click.option("--log", "log_url", default="", metavar="URL", help="A log that is there already: kafka://HOST:PORT.")
@click.option("--store", "store_url", default="", metavar="URL", help="A store that is there already: influx:FILE with the write token.")
@click.option("--core", "core_path", type=_PATH, help="core.toml; without it, all defaults.")
@click.option("--cameras", type=_PATH, help="Folder of <device>.toml: also run `saola vision` for cameras that send frames.")
@click.option("--notify", type=_PATH, help="notify.toml: also run `saola notify`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line with addresses and process ids when everything is ready.")
def up(as_json: bool, **given: object) -> None:
    """Run a whole profile on this machine until Ctrl-C: servers that are installed, or those that are given, and every service.

    One line a service; what dies is started again, sooner at first and then more slowly. Logs stand in DATA/logs.
    """
    from simulators.up.plan import Plan
    from simulators.up.run import Running, run_up, to_json

    plan = Plan(**given)  # type: ignore[arg-type]  # the options are named as the fields are

    def say(name: str, text: str) -> None:
        print(f"{name:10} {text}", file=sys.stderr, flush=True)

    def ready(running: Running) -> None:
        say("up", "everything is ready; Ctrl-C stops it")
        if as_json:
            print(to_json(running), flush=True)

    async def run() -> None:
        await run_up(plan, _stop_on_signals(), say, ready)

    asyncio.run(run())


@click.command()
@click.option("--city", "city_path", required=True, type=_PATH, help="The registry with the platform's devices, as `saola up` writes it.")
@click.option("--mqtt", "mqtt_url", required=True, metavar="URL", help="The broker: mqtt://HOST:PORT or mqtts://HOST:PORT.")
@click.option("--credentials", type=_PATH, help="TOML of the agent `platform`, mode 0600.")
@click.option("--log", "log_url", required=True, metavar="URL", help="The log, where the reading is looked for.")
@click.option("--outbox", type=_PATH, required=True, help="Directory of the agent's outbox.")
@click.option("--of", "of", multiple=True, metavar="DEVICE=PORT", help="Also send the figures of the service at this status port.")
@click.option("--allow-plaintext", is_flag=True, help="Speak mqtt:// to a broker on another machine: the network is trusted.")
@service_options("canary")
def canary(
    city_path: Path, mqtt_url: str, credentials: Path | None, log_url: str, outbox: Path, of: tuple[str, ...], allow_plaintext: bool,
    status_port: int | None,
) -> None:  # fmt: skip
    """Send a reading every ten seconds the way every reading goes, and say how long it took to be seen.

    The figures of services (--of) and of this machine travel the same way and are drawn like every other series.
    """
    from simulators.up.collect import Collect, collect

    settings = Collect(city_path, mqtt_url, credentials, log_url, outbox, _ports(of), allow_plaintext=allow_plaintext)

    async def run() -> None:
        await collect(settings, _stop_on_signals(), status_port)

    asyncio.run(run())


def _ports(of: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in of:
        name, _, port = one.partition("=")
        if not name or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ConfigError([Problem("--of", "service", repr(one[:80]), "DEVICE=PORT")])
        found[name] = int(port)
    return found


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
