"""`saola notify`: tells people who are not at the desk."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import click

from city_model.service.options import service_options


@click.command()
@click.option("--city", "city_path", required=True, type=click.Path(path_type=Path), help="The registry, city.toml.")
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="notify.toml: who is told what.")
@service_options("notify")
def notify(city_path: Path, log_url: str, config: Path, status_port: int | None) -> None:
    """Send alarms to webhooks, e-mail and bots until interrupted; prints its counts as JSON at the end.

    One message per episode, and reminders while nobody takes it. Start two for safety: they share the work.
    """
    from city_model.registry import load_city
    from city_model.service.serve import telling
    from stream_processor.logs.open import open_log
    from stream_processor.notify.service import Notifier
    from stream_processor.notify.settings import load_notify
    from stream_processor.told import about_counter

    city, settings = load_city(city_path), load_notify(config)

    async def run() -> dict[str, int]:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        event_log = await open_log(log_url)
        try:
            notifier = Notifier(event_log, city, settings, f"{socket.gethostname()}-{os.getpid()}")
            failures = {"refused", "given_up"}
            about = about_counter("notify", notifier.counts, "sent", failures.__contains__, lambda: bool(notifier.serving))
            async with telling(about, status_port):
                await notifier.run(stop)
            return dict(notifier.counts)
        finally:
            await event_log.close()

    click.echo(json.dumps(asyncio.run(run())))
