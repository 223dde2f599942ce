"""The page in a real browser: an alarm appears by itself, both languages, a phone, hostile names, and not one blocked or failed thing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Error, Page, async_playwright, expect

from city_model.clock import WallClock
from city_model.events import Alarm
from city_model.registry import Area, City
from dashboards.console.app import create_app
from dashboards.console.serve import serve
from stream_processor.logs.open import open_log
from stream_processor.stores.open import open_store
from tests.console.evening import report, write_evening
from tests.console.town import Engine, jam, town
from tests.servers import require

pytestmark = pytest.mark.live

_CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = ("no-sandbox", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync")
_SCRIPT_NAME = "<script>document.title='taken'</script><img src=x onerror=document.title='taken'>"
_RTL_NAME = "\u202eשלום صباح\u202e"


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    if not _CHROMIUM.exists():
        require("chromium", f"{_CHROMIUM} is not there: apt-get install chromium")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=str(_CHROMIUM), args=[f"--{a}" for a in _ARGUMENTS])
        except Error as err:
            require("chromium", str(err).splitlines()[0])
        yield browser
        await browser.close()


@dataclass(slots=True)
class Shown:
    """A console, who writes for it, and every complaint of the browser."""

    url: str
    engine: Engine
    browser: Browser
    end: Callable[[], Awaitable[None]]
    complaints: list[str] = field(default_factory=list)

    async def open(self, width: int = 1440, height: int = 900, locale: str = "vi-VN") -> Page:
        context = await self.browser.new_context(viewport={"width": width, "height": height}, locale=locale)
        page = await context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda err: self.complaints.append(str(err)))
        page.on("requestfailed", lambda request: self._failed(request.url))
        await page.goto(self.url)
        await page.wait_for_selector(".card, .empty")
        return page

    def _failed(self, url: str) -> None:
        if "api/stream" not in url:  # a stream ends when its page closes
            self.complaints.append(f"failed: {url}")

    def now_ms(self) -> int:
        return WallClock().now_ms()


async def _shown(directory: Path, city: City, browser: Browser, *, evening: bool) -> AsyncIterator[Shown]:
    log, store, stop = await open_log(f"sqlite:{directory / 'log'}"), open_store(f"sqlite:{directory / 'series.db'}"), asyncio.Event()
    engine = Engine(log, city)
    await engine.prepare()
    if evening:
        await write_evening(engine, store, WallClock().now_ms())
    app = create_app(log, store, city)
    port = await serve(app, "127.0.0.1", 0, stop)

    async def end() -> None:
        stop.set()
        await app.state.served

    shown = Shown(f"http://127.0.0.1:{port}/", engine, browser, end)
    yield shown
    complaints = list(shown.complaints)
    await end()
    await log.close()
    store.close()
    assert complaints == []


@pytest.fixture
async def evening(tmp_path: Path, chromium: Browser) -> AsyncIterator[Shown]:
    async for shown in _shown(tmp_path, town(), chromium, evening=True):
        yield shown


@pytest.fixture
async def empty(tmp_path: Path, chromium: Browser) -> AsyncIterator[Shown]:
    async for shown in _shown(tmp_path, town(), chromium, evening=False):
        yield shown


@pytest.fixture
async def hostile(tmp_path: Path, chromium: Browser) -> AsyncIterator[Shown]:
    """Names that would take the page over if they were anything but text."""
    city = town()
    sites = tuple(replace(s, vi=_SCRIPT_NAME, en=_SCRIPT_NAME) if s.id == "bd-114" else s for s in city.site)
    sites = tuple(replace(s, vi=_RTL_NAME, en=_RTL_NAME) if s.id == "kk-02" else s for s in sites)
    areas = tuple(Area(a.id, _SCRIPT_NAME, _SCRIPT_NAME) for a in city.area)
    async for shown in _shown(tmp_path, replace(city, site=sites, area=areas), chromium, evening=True):
        yield shown


async def test_an_alarm_appears_by_itself_within_two_seconds(empty: Shown) -> None:
    page = await empty.open()
    await expect(page.locator(".empty b").first).to_have_text("Đang chờ số liệu đầu tiên")
    await report(empty.engine, empty.now_ms())
    await expect(page.locator("#queue .empty b")).to_have_text("Không có cảnh báo nào cần bạn")
    await empty.engine.opened(jam(empty.now_ms()))
    await expect(page.locator(".card.needs")).to_have_count(1, timeout=2000)
    await expect(page.locator(".card b")).to_contain_text("Vòng xoay Phú Lợi")
    await expect(page.locator("#badge")).to_have_text("1")
    await expect(page.locator("#why h2")).to_contain_text("Ùn tắc")


async def test_states_are_shown_in_both_languages_and_unknown_is_never_free(evening: Shown) -> None:
    page = await evening.open()
    await expect(page.locator(".cam.jam")).to_have_count(2)
    await expect(page.locator(".road.unknown")).to_have_count(1)
    await expect(page.locator('[data-device="air-kk-05"]')).to_have_class(re.compile("band-0"))
    await expect(page.locator(".uplot")).to_have_count(1)
    await page.click('[data-lang="en"]')
    await expect(page.locator("#why h2")).to_contain_text("Congestion")
    await expect(page.locator("#queue h2").first).to_contain_text("Needs you")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.click('[data-tab-to="places"]')
    await expect(page.locator('[data-place="cam-hv-203"]')).to_contain_text("no data")
    await page.click('[data-place="air-kk-02"]')
    await expect(page.locator(".uplot")).to_have_count(2)
    vietnamese = re.compile("[ạảãầấậẩẫăằắặẳẵẹẻẽềếệểễỉịọỏốồộổỗơờớợởỡụủũưừứựửữỳỵỷỹđ]")
    assert not vietnamese.search(await page.locator("#strip").inner_text())


async def test_keys_walk_the_queue_and_take_an_alarm(evening: Shown) -> None:
    page = await evening.open()
    ids = await page.locator(".card").evaluate_all("cards => cards.map(card => card.dataset.alarm)")
    await page.keyboard.press("j")
    await expect(page.locator(f'[data-alarm="{ids[1]}"]')).to_have_attribute("aria-current", "true")
    await page.keyboard.press("k")
    await expect(page.locator(f'[data-alarm="{ids[0]}"]')).to_have_attribute("aria-current", "true")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    alarms = {ids[0]: await _newest(page, ids[0])}
    engine = asyncio.create_task(evening.engine.answer_commands("bd-avenue", alarms))
    await page.keyboard.press("a")
    await expect(page.locator(f'.card.handled[data-alarm="{ids[0]}"]')).to_have_count(1)
    await expect(page.locator(".taken")).to_contain_text("Trực ban đã nhận")
    engine.cancel()
    await asyncio.gather(engine, return_exceptions=True)


async def _newest(page: Page, alarm_id: str) -> Alarm:
    cards = await (await page.request.get(f"{page.url}api/alarms")).json()
    return next(msgspec.convert(card["alarm"], Alarm) for card in cards if card["alarm"]["id"] == alarm_id)


async def test_on_a_phone_nothing_is_cut_and_an_alarm_is_taken_in_two_taps(evening: Shown) -> None:
    page = await evening.open(390, 844)
    await expect(page.locator("#map")).not_to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    for card in await page.locator(".card b").all():
        assert await card.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    await page.locator(".card").first.click()
    button = page.locator(".actions .btn.primary")
    await expect(button).to_be_visible()
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= 48
    await page.click('[data-tab-to="map"]')
    await expect(page.locator("#map .cam").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_hostile_names_are_text(hostile: Shown) -> None:
    page = await hostile.open()
    await expect(page.locator("#why h2")).to_contain_text("<script>")
    await page.click('[data-tab-to="places"]')
    await expect(page.locator('[data-place="cam-bd-114"] b')).to_have_text(_SCRIPT_NAME)
    await page.click('[data-place="air-kk-02"]')
    await expect(page.locator("#why h2")).to_have_text(_RTL_NAME)
    await expect(page.locator("#map script, #map img, #queue script, #why script, #why img")).to_have_count(0)
    assert "taken" not in await page.title()


async def test_a_lost_line_is_said_and_everything_becomes_unknown(evening: Shown) -> None:
    page = await evening.open()
    await expect(page.locator(".cam.jam")).to_have_count(2)
    await evening.end()
    await expect(page.locator("#banner")).to_contain_text("Mất kết nối")
    await expect(page.locator(".cam.unknown")).to_have_count(8)
    await expect(page.locator(".fact .hatch")).to_have_count(2)
    evening.complaints.clear()  # refused connections are what this is about
