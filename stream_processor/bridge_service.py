"""The bridge as a service of its own: settings checked all at once before the first socket, then until it is told to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from city_model.clock import WallClock
from city_model.faults import ConfigError, Problem
from city_model.service.serve import telling
from city_model.transport.open import make_transport
from stream_processor.bridge import BATCH, BridgeCounts, run_bridge
from stream_processor.bridge_registry import RegistryFile
from stream_processor.logs.open import check_url, open_log
from stream_processor.told import about_bridge


async def serve_bridge(
    city_path: Path, mqtt_url: str, credentials: Path | None, log_url: str, stop: asyncio.Event, *,
    client_id: str = "bridge", share: str = "", allow_plaintext: bool = False, status_port: int | None = None,
) -> BridgeCounts:  # fmt: skip
    """Run until `stop`. Raises ConfigError with all problems, Unavailable when broker or log cannot be reached."""
    problems: list[Problem] = list(check_url(log_url))
    try:
        transport = make_transport(mqtt_url, credentials, allow_plaintext=allow_plaintext, receive_maximum=BATCH)
    except ConfigError as err:
        problems += err.problems
    try:
        city = RegistryFile(city_path)
    except ConfigError as err:
        problems += err.problems
    if problems:
        raise ConfigError(problems)
    event_log = await open_log(log_url)
    try:
        counts = BridgeCounts()
        async with telling(about_bridge(counts, transport), status_port):
            return await run_bridge(transport, event_log, city, WallClock(), stop, client_id=client_id, share=share, counts=counts)
    finally:
        await event_log.close()
