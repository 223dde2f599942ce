"""Every view in a real browser, on a desk and on a phone: it says what it should, nothing is cut, axe finds nothing serious, and names that
would take the page over are text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from city_model.registry import Area, City
from dashboards.console.access import Access
from dashboards.console.accounts import Accounts
from tests.console.browsing import DESK, PHONE, Shown, shown
from tests.console.town import town

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_RUN_AXE = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
  const bad = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  return bad.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""

_VIEWS = {
    "now": ".card", "air": ".tile", "traffic": ".roads", "places": ".place", "devices": "#page [data-device]", "kpis": ".tile-figure",
    "handover": ".report", "history": "#results tr", "moment": ".moment tr", "audit": "#page .empty, [data-entry]", "users": "[data-user]",
}  # fmt: skip
_PHONE_VIEWS = _VIEWS | {"more": ".more-row", "health": "#strip .item", "map": "#map .cam"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> AsyncIterator[Shown]:
    """With accounts, so that the administration is there."""
    directory = tmp_path_factory.mktemp("desk")
    accounts = Accounts(directory)
    accounts.add("chief", "admin")
    city = town()
    async with shown(directory, city, chromium, access=Access.of(city, accounts)) as console:
        console.cookie = accounts.ticket("chief", "session", console.now_ms())
        yield console
    accounts.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def page(desk: Shown) -> Page:
    """On the desk by day, for tests that go to a view of their own."""
    return await desk.open()


async def _axe(page: Page) -> list[str]:
    await page.evaluate(_AXE)
    found: list[str] = await page.evaluate(_RUN_AXE)
    return found


@pytest.mark.parametrize(("size", "theme", "views"), [(DESK, "day", _VIEWS), (PHONE, "night", _PHONE_VIEWS)], ids=["desk", "phone"])
async def test_no_view_has_a_serious_fault_and_none_is_wider_than_the_screen(
    desk: Shown, size: tuple[int, int], theme: str, views: dict[str, str]
) -> None:
    page = await desk.open(size, theme=theme)
    faults = {}
    for view, content in views.items():
        await desk.see(page, view)
        await expect(page.locator(content).first).to_be_visible()
        if found := await _axe(page):
            faults[view] = found
        if (width := await page.evaluate("document.documentElement.scrollWidth")) > size[0]:
            faults[f"{view} is wide"] = [str(width)]
    if size == PHONE:
        await desk.see(page, "now")
        await page.locator(".card").first.click()
        await expect(page.locator(".actions")).to_be_visible()
        faults |= {"why": found} if (found := await _axe(page)) else {}
    else:
        await page.evaluate("location.hash = '#/now'")
        await page.click('[data-act="assign"]')
        faults |= {"assign": found} if (found := await _axe(page)) else {}
    assert faults == {}


async def test_the_air_has_numbers_words_and_two_palettes(desk: Shown, page: Page) -> None:
    await desk.see(page, "air")
    await expect(page.locator('[data-station="air-kk-02"] .aqi')).to_have_class("aqi band-4 ")
    await expect(page.locator('[data-station="air-kk-02"]')).to_contain_text("Xấu")
    await expect(page.locator('[data-station="air-kk-04"]')).to_contain_text("chưa có VN_AQI")
    await expect(page.locator('[data-station="air-kk-05"] .aqi')).to_have_class("aqi band-0 ")
    await expect(page.locator(".side .advice")).to_contain_text("Nên ở trong nhà")
    await expect(page.locator(".hours .bar")).not_to_have_count(0)
    await page.click('.page-tools [data-value="clear"]')
    await expect(page.locator("html")).to_have_attribute("data-aqi", "clear")


async def test_history_is_searched_and_taken_away(desk: Shown, page: Page) -> None:
    await desk.see(page, "history")
    await page.fill('[data-filter="text"]', "Sóng Thần")
    await expect(page.locator("#results tbody tr")).to_have_count(1)
    async with page.expect_download() as downloading:
        await page.click('.files a[download="alarms.csv"]')
    lines = Path(await (await downloading.value).path()).read_text(encoding="utf-8-sig").splitlines()
    assert (lines[0].startswith("id,rule,kind"), len(lines)) == (True, 2)


async def test_a_moment_of_the_past_is_stepped_through(desk: Shown, page: Page) -> None:
    await desk.see(page, "history")
    first = page.locator("#results tr[data-alarm]").first
    alarm = await first.get_attribute("data-alarm")
    await first.locator('a[href^="#/moment/"]').click()
    then = page.locator(f'.moment [data-alarm="{alarm}"]')
    await expect(then).to_contain_text("chưa xác nhận", ignore_case=True)
    await expect(page.locator(".moment [data-row]").first).to_be_visible()
    await page.click('[data-step="-60000"]')
    await expect(then).to_have_count(0)
    await page.click('[data-step="60000"]')
    await expect(then).to_have_count(1)


async def test_an_administrator_makes_a_user_and_sees_the_password_once(desk: Shown, page: Page) -> None:
    await desk.see(page, "users")
    await page.locator("#page form input").fill("ward-7")
    await page.click('#page form button[type="submit"]')
    await expect(page.locator("#page .flood code")).not_to_be_empty()
    await expect(page.locator('[data-user="ward-7"]')).to_be_visible()
    await desk.see(page, "kpis")
    await desk.see(page, "users")
    await expect(page.locator('[data-user="ward-7"]')).to_be_visible()
    await expect(page.locator("#page code")).to_have_count(0)
    rule = page.locator('[data-rule="congestion"]')
    await rule.locator("summary").click()
    await expect(rule.locator("b", has_text="slow_below_kmh = 12.0")).to_be_visible()
    await expect(page.locator('[data-site="bd-114"]')).to_contain_text("cam-bd-114")


async def test_the_wallboard_fits_its_screen_and_reads_from_afar(desk: Shown) -> None:
    page = await desk.open((1920, 1080), path="wall.html")
    await expect(page.locator(".row")).to_have_count(3)
    sizes = await page.evaluate(
        """() => [...document.querySelectorAll("body *")]
          .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()))
          .map((node) => parseFloat(getComputedStyle(node).fontSize))"""
    )
    assert min(sizes) >= 24
    assert await page.locator(".row .words b").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)") >= 42
    assert await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [1920, 1080]
    assert await _axe(page) == []


@pytest.mark.parametrize(("size", "theme"), [(DESK, "day"), (PHONE, "night")], ids=["desk", "phone"])
async def test_citizens_see_air_and_roads_without_a_login(desk: Shown, size: tuple[int, int], theme: str) -> None:
    page = await desk.open(size, path="public.html", theme=theme)
    await expect(page.locator(".station").first).to_contain_text("VN_AQI")
    await expect(page.locator("#roads")).to_contain_text("ùn tắc")
    await page.click('[data-lang="en"]')
    await expect(page.locator("#roads")).to_contain_text("no data")
    assert await _axe(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
    loaded = await page.evaluate("performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)")
    assert loaded <= 100_000


_WAYS = (
    "<script>{}</script>",
    "<img src=x onerror={}>", "<svg onload={}>", '"><script>{}</script>', "'-{}-'", "javascript:{}",
    "</title><script>{}</script>",
    "<iframe srcdoc='<script>{}</script>'>", "<a href='javascript:{}'>x</a>", "{{{{{}}}}}", "${{{}}}", "<style>@import '{}'</style>",
    "<math><mtext></p><script>{}</script>", "<b onmouseover={}>x</b>", "\u202e<script>{}</script>\u202c",
)  # fmt: skip
_HOSTILE = [way.format(what) for way in _WAYS for what in ("alert(1)", "confirm(1)", "prompt(1)", "document.title=1")]


def _hostile_town() -> City:
    """Sixty names, spread over areas, sites and directions: each stands somewhere on the page."""
    names = iter(_HOSTILE * 2)
    city = town()
    areas = tuple(Area(a.id, next(names), next(names)) for a in city.area)
    sites = tuple(replace(s, vi=next(names), en=next(names)) for s in city.site)
    devices = tuple(replace(d, directions=tuple(replace(x, vi=next(names), en=next(names)) for x in d.directions)) for d in city.device)
    return replace(city, area=areas, site=sites, device=devices)


async def test_sixty_hostile_names_are_text_in_every_view(tmp_path: Path, chromium: Browser) -> None:
    assert len(set(_HOSTILE)) == 60
    async with shown(tmp_path, _hostile_town(), chromium) as console:
        page = await console.open()
        for lang in ("en", "vi"):
            await page.click(f'[data-lang="{lang}"]')
            for view, content in _VIEWS.items():
                if view != "users":
                    await console.see(page, view)
                    await expect(page.locator(content).first).to_be_visible()
            await expect(
                page.locator("#app iframe, #app script, #app img, #app style, #app math, #app [onload], #app [onerror]")
            ).to_have_count(0)
        for path in ("wall.html", "public.html"):
            await page.goto(console.url + path)
            await expect(page.locator(".row, .station").first).to_be_visible()
            await expect(page.locator("body iframe, body script, body img, body math")).to_have_count(0)
        assert await page.title() != "1"
