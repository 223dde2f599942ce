"""Commands of the stream's services. Each imports what it needs when it runs, so that one service pulls in no other's packages."""

from __future__ import annotations

import asyncio
import signal

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


def _stop_on_signals() -> asyncio.Event:
    """Set by SIGINT or SIGTERM, so that partitions are given up and offsets are where they should be."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
