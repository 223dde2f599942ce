"""Commands of the stream's services. Each imports what it needs when it runs, so that one service pulls in no other's packages."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Literal

import click


@click.command()
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option("--store", "store_url", required=True, metavar="URL", help="The series store: sqlite:PATH.")
def sink(log_url: str, store_url: str) -> None:
    """Write observations from the log into the series store until interrupted."""
    from stream_processor.logs.open import open_log
    from stream_processor.sink import run_sink
    from stream_processor.stores.open import open_store

    async def run() -> None:
        store = open_store(store_url)
        event_log = await open_log(log_url)
        try:
            await run_sink(event_log, store, _stop_on_signals())
        finally:
            await event_log.close()
            store.close()

    asyncio.run(run())


@click.command()
@click.option("--city", "city_path", required=True, type=click.Path(path_type=Path), help="The registry, city.toml.")
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option("--core", "core_path", type=click.Path(path_type=Path), help="core.toml; without it, all defaults.")
@click.option("--member", default="", help="Name within the group; without it, host and pid.")
@click.option("--ticks", type=click.Choice(["own", "external"]), default="own", show_default=True, help="Who writes time into the log.")
@click.option("--announce", is_flag=True, help="Print a JSON line for every partition that is taken over.")
def stream(city_path: Path, log_url: str, core_path: Path | None, member: str, ticks: Literal["own", "external"], announce: bool) -> None:
    """Judge what stands in the log: one worker of the engine. Start more of them to scale out; partitions move by themselves."""
    from stream_processor.worker import run_worker

    asyncio.run(run_worker(city_path, log_url, core_path, member, ticks, announce))


def _stop_on_signals() -> asyncio.Event:
    """Set by SIGINT or SIGTERM, so that partitions are given up and offsets are where they should be."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
