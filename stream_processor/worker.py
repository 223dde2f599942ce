"""One worker process of the engine: registry and settings first, then the log, then work until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path
from typing import Literal

from city_model.clock import WallClock
from city_model.registry import load_city
from city_model.service.serve import telling
from city_model.topics import DEFAULT_PARTITIONS, LOG_TOPICS
from stream_processor.core.sensors.corrections import Corrections
from stream_processor.core.settings import load_core_settings
from stream_processor.engine import Engine, EngineSettings
from stream_processor.logs.open import open_log
from stream_processor.told import about_engine


async def run_worker(
    city_path: Path, log_url: str, core_path: Path | None, member: str, ticks: Literal["own", "external"], announce: bool,
    status_port: int | None = None,
) -> None:  # fmt: skip
    """Raises ConfigError before any socket is opened, Unavailable when the log is not there."""
    city, core = load_city(city_path), load_core_settings(core_path)
    Corrections.of(city, core.corrections)  # told before anything is opened
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    event_log = await open_log(log_url)
    try:
        await event_log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
        name = member or f"{socket.gethostname()}-{os.getpid()}"

        def say(partition: int) -> None:
            if announce:
                print(json.dumps({"event": "took_over", "member": name, "partition": partition}), flush=True)

        engine = Engine(event_log, city, core, WallClock(), EngineSettings(ticks=ticks), on_take_over=say)
        async with telling(about_engine(engine.counts, event_log), status_port):
            await engine.run(name, stop)
    finally:
        await event_log.close()
