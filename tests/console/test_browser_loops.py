"""What the page makes of a road loop, of a corrected station, of hours made anew and of an odd series, in a real browser."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, expect

from city_model.registry import Area, City, Device, Site
from stream_processor.stores.open import open_store
from stream_processor.stores.port import Flag
from tests.console.browsing import shown
from tests.console.town import jam, smoke
from tests.stores.rows import points

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

HOUR_MS = 3_600_000
CITY = City(
    "Phố", "Town", area=(Area("ring", "Vành đai", "Ring road"), Area("airshed", "Vùng khí", "Airshed")),
    site=(
        Site("km-9", "ring", "Cây số 9", "Kilometre 9", 11.0, 106.60),
        Site("km-10", "ring", "Cây số 10", "Kilometre 10", 11.0, 106.61, order=1),
        Site("school", "airshed", "Trường học", "School", 11.01, 106.6),
    ),
    device=(
        Device("loop-9", "km-9", "loop"), Device("loop-10", "km-10", "loop"),
        Device("air-school", "school", "air", correction="kappa_koehler/1"),
    ),
)  # fmt: skip


async def test_loops_corrections_and_odd_series_are_told(tmp_path: Path, chromium: Browser) -> None:
    async with shown(tmp_path, CITY, chromium, evening=False) as desk:
        now_ms = desk.now_ms()
        hour_ms = now_ms // HOUR_MS * HOUR_MS - HOUR_MS
        slow = msgspec.structs.replace(
            jam(now_ms - 60_000, "cam-bd-114"), id="slow", rule="loop_congestion", subject="loop-9", device="loop-9", site="km-9",
            area="ring", evidence={"free_speed_kmh": 71.0, "held_s": 900.0},
        )  # fmt: skip
        odd = msgspec.structs.replace(
            smoke(now_ms - 60_000), id="odd", rule="anomaly_pm25", kind="maintenance", priority="low", subject="air-school/pm25",
            device="air-school", site="school", area="airshed", unit="1", evidence={"value": 88.0, "usual": 21.0, "score": 3.1},
        )  # fmt: skip
        await desk.opened(slow, odd)
        await desk.engine.observe("ring", now_ms - 1000, {"loop-9/speed_kmh": 14.0, "loop-9/flow_veh_h": 900.0, "loop-10/speed_kmh": 66.0})
        await desk.engine.observe("airshed", now_ms - 1000, {"air-school/pm25": 52.0})
        await desk.engine.observe("airshed", hour_ms, {"air-school/pm25_corrected": 31.0})
        store = open_store(f"sqlite:{tmp_path / 'series.db'}")
        store.write(points([("air-school/pm25", hour_ms - k * HOUR_MS, 40.0 + k) for k in range(6)]))
        store.write(points([("air-school/pm25", hour_ms - 2 * HOUR_MS, 70.0)], Flag.LATE))
        page = await desk.open(locale="en-GB")
        await expect(page.locator(".card").first).to_contain_text("Congestion")
        await desk.see(page, "traffic")
        await expect(page.locator('[data-row="loop-9/"]')).to_contain_text("14")
        await expect(page.locator('[data-row="loop-9/"] .state.jam')).to_have_count(1)
        await expect(page.locator('[data-row="loop-10/"] .state.free')).to_have_count(1)
        await desk.see(page, "places")
        await expect(page.locator('[data-place="loop-10"]')).to_contain_text("66")
        await desk.see(page, "air")
        await expect(page.locator(".side")).to_contain_text("PM2.5, corrected: 31")
        await expect(page.locator(".side")).to_contain_text("model kappa_koehler/1")
        await expect(page.locator(".side")).to_contain_text("Made anew because readings came late: 1 h")
        await expect(page.locator(".hours .anew")).to_have_count(2)  # the bar, and the key to it
        await desk.see(page, "devices")
        await expect(page.locator('#page [data-device="loop-9"]')).to_contain_text("road loop")
        await page.goto(f"{desk.url}#/now/odd")
        await expect(page.locator("#why")).to_contain_text("PM2.5 is 88")
        store.close()
