"""`saola console`: the operators' page."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
from pathlib import Path

import click

from city_model.faults import ConfigError, Problem


@click.command()
@click.option("--city", "city_path", required=True, type=click.Path(path_type=Path), help="The registry, city.toml.")
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option("--store", "store_url", required=True, metavar="URL", help="The series store: sqlite:PATH.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65_535), help="Port; 0 takes a free one.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="A host name the page may be called by, besides loopback's.")
def console(city_path: Path, log_url: str, store_url: str, host: str, port: int, allow_host: tuple[str, ...]) -> None:
    """Serve the operators' page until interrupted."""
    _check_exposure(host, allow_host)
    asyncio.run(_run(city_path, log_url, store_url, host, port, allow_host))


async def _run(city_path: Path, log_url: str, store_url: str, host: str, port: int, allow_host: tuple[str, ...]) -> None:
    from city_model.registry import load_city
    from dashboards.console.app import create_app
    from dashboards.console.guard import LOOPBACK
    from dashboards.console.serve import serve
    from stream_processor.logs.open import open_log
    from stream_processor.stores.open import open_store

    city = load_city(city_path)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    store = open_store(store_url)
    event_log = await open_log(log_url)
    try:
        app = create_app(event_log, store, city, hosts=(*LOOPBACK, *allow_host))
        taken = await serve(app, host, port, stop)
        click.echo(f"http://{f'[{host}]' if ':' in host else host}:{taken}/", err=True)
        await app.state.served
    finally:
        await event_log.close()
        store.close()


def _check_exposure(host: str, allow_host: tuple[str, ...]) -> None:
    """There is no login and no TLS here: off loopback it takes a proxy that has both, and the name it is called by."""
    if not _is_loopback(host) and not allow_host:
        found = f"{host} is not loopback and no --allow-host is given"
        raise ConfigError([Problem("--host", "exposure", found, "127.0.0.1, or --allow-host NAME of the proxy that adds login and TLS")])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
