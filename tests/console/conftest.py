"""The console over a real embedded log and store, in process and over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from playwright.async_api import Browser, Error, async_playwright

from city_model.clock import ManualClock
from city_model.registry import City
from dashboards.console.app import create_app
from dashboards.console.hub import Hub
from dashboards.console.serve import serve
from dashboards.console.view import View
from stream_processor.logs.open import open_log
from stream_processor.logs.port import EventLog
from stream_processor.stores.open import open_store
from stream_processor.stores.port import SeriesStore
from tests.console.browsing import ARGUMENTS, CHROMIUM
from tests.console.town import T0, Engine, town
from tests.servers import require


@dataclass(frozen=True, slots=True)
class Desk:
    """A console that runs, and who writes for it."""

    app: FastAPI
    url: str
    log: EventLog
    store: SeriesStore
    engine: Engine
    clock: ManualClock

    @property
    def view(self) -> View:
        return cast(View, self.app.state.view)

    @property
    def hub(self) -> Hub:
        return cast(Hub, self.app.state.hub)

    async def until(self, is_true: Callable[[], object]) -> None:
        """Wait until `is_true` says so."""
        async with asyncio.timeout(10):
            while not is_true():
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, one for a module of tests."""
    if not CHROMIUM.exists():
        require("chromium", f"{CHROMIUM} is not there: apt-get install chromium")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=[f"--{a}" for a in ARGUMENTS])
        except Error as err:
            require("chromium", str(err).splitlines()[0])
        yield browser
        await browser.close()


@pytest.fixture
def city() -> City:
    return town()


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await open_log(f"sqlite:{tmp_path / 'log'}")
    yield opened
    await opened.close()


@pytest.fixture
def store(tmp_path: Path) -> SeriesStore:
    return open_store(f"sqlite:{tmp_path / 'series.db'}")


@pytest.fixture
async def engine(log: EventLog, city: City) -> Engine:
    engine = Engine(log, city)
    await engine.prepare()
    return engine


@pytest.fixture
async def desk(log: EventLog, store: SeriesStore, engine: Engine) -> AsyncIterator[Desk]:
    """Started on an empty log, at T0."""
    stop, clock = asyncio.Event(), ManualClock(T0)
    app = create_app(log, store, engine.city, clock)
    port = await serve(app, "127.0.0.1", 0, stop)
    desk = Desk(app, f"http://127.0.0.1:{port}", log, store, engine, clock)
    await desk.until(app.state.follower.ready.is_set)
    yield desk
    stop.set()
    await app.state.served
    store.close()


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=desk.url, timeout=10) as client:
        yield client
