"""Starting and stopping: a port that is taken, a host off loopback, and an end in time although viewers are looking."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from city_model.faults import ConfigError
from dashboards.console.app import create_app
from dashboards.console.cli import console
from dashboards.console.serve import serve
from stream_processor.logs.port import EventLog
from stream_processor.stores.port import SeriesStore
from tests.console.conftest import Desk
from tests.console.sse import first, stream
from tests.console.town import Engine


async def test_a_taken_port_is_said_before_anything_starts(log: EventLog, store: SeriesStore, engine: Engine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app = create_app(log, store, engine.city)
        with pytest.raises(OSError, match="in use") as caught:
            await serve(app, "127.0.0.1", taken.getsockname()[1], asyncio.Event())
    assert caught.value.errno == errno.EADDRINUSE
    store.close()


async def test_it_stops_at_once_although_a_viewer_is_looking(log: EventLog, store: SeriesStore, engine: Engine) -> None:
    stop = asyncio.Event()
    app = create_app(log, store, engine.city)
    before = signal.getsignal(signal.SIGINT)
    port = await serve(app, "127.0.0.1", 0, stop)
    assert signal.getsignal(signal.SIGINT) is before
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, stream(client) as messages:
        await first(messages, "snapshot")
        stop.set()
        async with asyncio.timeout(2):
            await app.state.served
    store.close()


async def test_the_page_is_served_with_its_parts(desk: Desk, client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for part in ("app.js", "console.css", "tokens.css", "vi.json", "vendor/uplot/uPlot.iife.min.js"):
        assert (await client.get(f"/{part}")).status_code == 200


def test_off_loopback_it_wants_a_name(tmp_path: Path) -> None:
    words = ["--city", str(tmp_path / "city.toml"), "--log", "sqlite:x", "--store", "sqlite:y", "--host", "0.0.0.0"]
    result = CliRunner().invoke(console, words)
    assert isinstance(result.exception, ConfigError)
    assert "--allow-host" in str(result.exception)
