"""A console that runs, an engine that answers what people do by the core's own rules, and pages of Chromium that look at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import msgspec
from playwright.async_api import Browser, Page

from city_model.clock import WallClock
from city_model.events import Alarm, AlarmEvent, Command, Transition
from city_model.lifecycle import acts
from city_model.registry import City
from city_model.topics import DEFAULT_PARTITIONS, INPUTS, partition_of
from dashboards.console.access import COOKIE, Access
from dashboards.console.app import create_app
from dashboards.console.serve import serve
from stream_processor.core.alarms.acts import Refusal, apply
from stream_processor.logs.open import open_log
from stream_processor.logs.records import from_record
from stream_processor.stores.open import open_store
from tests.console.evening import report, write_evening
from tests.console.town import Engine, returned

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ("no-sandbox", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync")
_BEAT_S = 5.0
DESK, PHONE = (1440, 900), (390, 844)


@dataclass(slots=True)
class Shown:
    """A console, who writes for it, and every complaint of the browser."""

    url: str
    engine: Engine
    browser: Browser
    stop: asyncio.Event
    served: asyncio.Task[None]
    alarms: dict[str, Alarm] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    cookie: str = ""
    """Of a session, for consoles with accounts."""

    async def open(self, size: tuple[int, int] = DESK, locale: str = "vi-VN", path: str = "", theme: str = "day") -> Page:
        context = await self.browser.new_context(viewport={"width": size[0], "height": size[1]}, locale=locale)
        await context.add_init_script(f"localStorage.getItem('saola.theme') ?? localStorage.setItem('saola.theme', '{theme}')")
        if self.cookie:
            await context.add_cookies([{"name": COOKIE, "value": self.cookie, "url": self.url}])
        page = await context.new_page()
        self.pages.append(page)
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda err: self.complaints.append(str(err)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("requestfailed", lambda request: self._failed(request.url))
        await page.goto(self.url + path)
        if not path:
            await page.wait_for_selector(".card, .empty")
        return page

    async def see(self, page: Page, view: str) -> None:
        """Go to a view of the open page."""
        await page.evaluate("view => { location.hash = `#/${view}` }", view)
        await page.wait_for_selector(f'#app[data-view="{view.split("/")[0]}"]')

    async def opened(self, *alarms: Alarm) -> None:
        for alarm in alarms:
            self.alarms[alarm.id] = alarm
            await self.engine.opened(alarm)

    async def clear(self, alarm_id: str) -> None:
        """The road is free again."""
        at_ms = self.now_ms()
        await self.engine.alarm_returned(self.alarms[alarm_id], at_ms)
        self.alarms[alarm_id] = returned(self.alarms[alarm_id], at_ms)

    async def answer(self, area: str) -> None:
        """Answer commands of `area` as the engine would, until cancelled."""
        reader = await self.engine.log.reader(INPUTS, partition_of(area, DEFAULT_PARTITIONS), 0)
        while True:
            for row in await reader.fetch(10, wait_s=0.5):
                await self._carry_out(msgspec.json.decode(from_record(row.record).data, type=Command))

    def now_ms(self) -> int:
        return WallClock().now_ms()

    async def _carry_out(self, command: Command) -> None:
        alarm = self.alarms[command.alarm_id]
        after = apply(alarm, command)
        if isinstance(after, Refusal):
            await self.engine.alarm(AlarmEvent("refused", command.at_ms, command.by, after.why, alarm, command.id, after.code))
            return
        self.alarms[alarm.id] = after
        past = cast(Transition, acts()[command.kind].past)
        await self.engine.alarm(AlarmEvent(past, command.at_ms, command.by, command.note, after, command.id))

    def _failed(self, url: str) -> None:
        if "api/stream" not in url and "line_worker" not in url:  # both end when their page goes on to another
            self.complaints.append(f"failed: {url}")


async def _beat(engine: Engine, at_ms: int) -> None:
    """The engine is at work, and the city's time stands still: nothing grows old however slow the machine is."""
    while True:
        await asyncio.sleep(_BEAT_S)
        await report(engine, at_ms)


@asynccontextmanager
async def shown(
    directory: Path, city: City, browser: Browser, *, evening: bool = True, areas: Sequence[str] = (), access: Access | None = None
) -> AsyncIterator[Shown]:
    """A console over `city`, with an evening in it or empty; commands of `areas` are answered. Complaints at the end fail the test."""
    log, store, stop = await open_log(f"sqlite:{directory / 'log'}"), open_store(f"sqlite:{directory / 'series.db'}"), asyncio.Event()
    engine = Engine(log, city)
    await engine.prepare()
    if evening:
        await write_evening(engine, store, WallClock().now_ms())
    else:
        await report(engine, WallClock().now_ms())
    app = create_app(log, store, city, access=access)
    port = await serve(app, "127.0.0.1", 0, stop)
    console = Shown(f"http://127.0.0.1:{port}/", engine, browser, stop, app.state.served)
    answering = [asyncio.create_task(console.answer(area)) for area in areas]
    answering.append(asyncio.create_task(_beat(engine, WallClock().now_ms())))
    yield console
    complaints = list(console.complaints)
    for task in answering:
        task.cancel()
    await asyncio.gather(*answering, return_exceptions=True)
    for page in console.pages:
        await page.context.close()
    stop.set()
    await app.state.served
    await log.close()
    store.close()
    assert complaints == [], complaints
