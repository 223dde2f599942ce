"""The boards on our own page in a real browser: drawn from the same answers, in both languages, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from city_model.clock import WallClock
from dashboards.boards.catalogue import ORDER, all_boards
from stream_processor.stores.open import open_store
from stream_processor.stores.port import Points
from tests.boards.seed import STOP_MS, seed
from tests.console.browsing import DESK, PHONE, Shown, shown
from tests.console.conftest import chromium
from tests.console.town import town

__all__ = ["chromium"]
pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]
HOUR_MS = 3_600_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def console(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> AsyncIterator[Shown]:
    directory = tmp_path_factory.mktemp("boards-page")
    store = open_store(f"sqlite:{directory / 'series.db'}")
    store.write(moved(seed(), WallClock().now_ms()))
    store.close()
    async with shown(directory, town(), chromium) as running:
        yield running


def moved(points: Points, now_ms: int) -> Points:
    """The seed so that it ends now; hourly indices stay on whole hours."""
    hourly = np.array([name.endswith("/vn_aqi") for name in points.series])[points.series_index]
    at_ms = points.at_ms + now_ms - STOP_MS
    at_ms = np.where(hourly, at_ms // HOUR_MS * HOUR_MS, at_ms)
    keep = at_ms <= now_ms
    return Points(points.series, points.series_index[keep], at_ms[keep], points.value[keep], points.flags[keep])


@pytest.mark.parametrize("name", ORDER)
@pytest.mark.parametrize(("size", "locale"), [(DESK, "vi-VN"), (PHONE, "en-GB")], ids=["desk", "phone"])
async def test_a_board_draws_every_panel_and_nothing_is_cut(console: Shown, name: str, size: tuple[int, int], locale: str) -> None:
    board, language = all_boards()[name], locale[:2]
    page = await console.open(size, locale, f"boards/{name}")
    await expect(page.locator("[data-panel]")).to_have_count(len([*board.panels()]))
    await expect(page.locator("#title")).to_have_text(board.title.in_(language))
    for panel in board.panels():
        node = page.locator(f'[data-panel="{panel.name}"]')
        await expect(node.locator("h2").first).to_contain_text(panel.title.in_(language))
        if panel.name not in ("air_gases", "silent_list", "alarms_here"):
            await expect(node.locator(".nothing")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert "undefined" not in await page.locator("main").inner_text()
    assert "false" not in await page.locator("main").inner_text()


async def test_choices_stand_in_the_address_and_lead_down(console: Shown) -> None:
    page = await console.open(DESK, "en-GB", "boards/corridor")
    await expect(page.locator('[data-panel="road_states"] .timeline.rows svg')).to_have_count(16)
    await page.select_option('select[name="area"]', "hv-street")
    await expect(page.locator('[data-panel="road_states"] .timeline.rows svg')).to_have_count(6)
    assert page.url.endswith("?area=hv-street")
    await expect(page.locator('select[name="site"] option')).to_have_count(4)
    await page.click('#langs [data-lang="vi"]')
    await expect(page.locator("#title")).to_have_text("Hành lang giao thông")
    await page.locator('[data-panel="road_speed"] summary').click()
    await expect(page.locator('[data-panel="road_speed"] details p')).to_be_visible()
    await page.locator("#tabs a", has_text="Camera").click()
    await expect(page.locator('select[name="device"] option')).to_have_count(8)


async def test_unknown_is_drawn_as_unknown(console: Shown) -> None:
    page = await console.open(DESK, "en-GB", "boards/city")
    await expect(page.locator('[data-panel="roads_now"]')).to_contain_text("unknown")
    await expect(page.locator('[data-panel="roads_map"] .site.t-unknown')).to_have_count(1)


async def test_an_unknown_board_or_choice_is_said_or_empty(console: Shown) -> None:
    async with httpx.AsyncClient(base_url=console.url) as client:
        assert (await client.get("api/boards/nothing")).status_code == 404
        odd = await client.get("api/boards/corridor", params={"area": 'x"${y}', "site": "' or 1"})
        assert odd.status_code == 200
        assert all(cell["series"] == [] for line in odd.json()["lines"] for cell in line["cells"])
        assert [one["name"] for one in (await client.get("api/boards")).json()] == list(ORDER)
