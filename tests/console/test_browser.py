"""The page in a real browser: what an operator sees and does, from the jam to the handover. Debian's Chromium, no network."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.console.browsing import DESK, PHONE, Shown, shown
from tests.console.evening import report
from tests.console.town import MINUTE_MS, jam, town

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]
_VIETNAMESE = re.compile("[ạảãầấậẩẫăằắặẳẵẹẻẽềếệểễỉịọỏốồộổỗơờớợởỡụủũưừứựửữỳỵỷỹđ]")


@pytest_asyncio.fixture(loop_scope="module")
async def evening(tmp_path: Path, chromium: Browser) -> AsyncIterator[Shown]:
    async with shown(tmp_path, town(), chromium) as console:
        yield console


@pytest_asyncio.fixture(loop_scope="module")
async def quiet(tmp_path: Path, chromium: Browser) -> AsyncIterator[Shown]:
    """Nothing has happened yet; the avenue's engine answers."""
    async with shown(tmp_path, town(), chromium, evening=False, areas=["bd-avenue"]) as console:
        yield console


_STORY = {
    "vi-VN": ("Không có cảnh báo nào cần bạn", "Ùn tắc", "đã nhận lúc", "giao cho Tổ 2", "đã trở lại bình thường", "Bàn giao ca"),
    "en-GB": ("No alarm needs you", "Congestion", "Taken by", "assigned to Tổ 2", "returned to normal", "Shift handover"),
}


@pytest.mark.parametrize(("locale", "size"), [("vi-VN", DESK), ("en-GB", DESK), ("vi-VN", PHONE)], ids=["vi", "en", "phone"])
async def test_a_jam_from_its_beginning_to_the_handover(quiet: Shown, locale: str, size: tuple[int, int]) -> None:
    empty, kind, taken, given, over, head = _STORY[locale]
    page = await quiet.open(size, locale)
    await expect(page.locator("#queue .empty b")).to_have_text(empty)
    alarm = jam(quiet.now_ms() - MINUTE_MS)
    await quiet.opened(alarm)
    card = page.locator(f'[data-alarm="{alarm.id}"]')
    await expect(card).to_contain_text(kind, timeout=2000)
    if size == PHONE:
        await card.click()
    await page.click('[data-act="acknowledge"]')
    await expect(page.locator(".taken")).to_contain_text(taken)
    await page.click('[data-act="assign"]')
    await page.fill('#ask input[name="to"]', "Tổ 2")
    await page.click('#ask button[type="submit"]')
    await expect(page.locator(".taken")).to_contain_text(given)
    await quiet.clear(alarm.id)
    await expect(page.locator("#why .status")).to_contain_text(over)
    await quiet.see(page, "handover")
    await expect(page.locator("#page h2")).to_have_text(head)
    row = page.locator(f'#page [data-alarm="{alarm.id}"]')
    await expect(row).to_contain_text(over)
    await expect(row).to_contain_text("Tổ 2")
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]


async def test_reasons_are_asked_for_and_what_was_done_can_be_undone(quiet: Shown) -> None:
    page = await quiet.open()
    alarm = jam(quiet.now_ms())
    await quiet.opened(alarm)
    await page.wait_for_selector('[data-act="shelve"]')
    await page.keyboard.press("s")
    await page.click('#ask button[type="submit"]')
    await expect(page.locator("#ask")).to_be_visible()  # without a reason nothing is sent
    await page.click("#ask .chips .chip >> nth=0")
    await page.click('#ask button[type="submit"]')
    await expect(page.locator(f'.card.hidden[data-alarm="{alarm.id}"]')).to_have_count(1)
    await page.click(".undo")
    await expect(page.locator(f'.card.needs[data-alarm="{alarm.id}"]')).to_have_count(1)
    await page.keyboard.press("r")
    await page.fill("#ask textarea", "<b>đã xem camera</b>")
    await page.click('#ask button[type="submit"]')
    await expect(page.locator("#why .line").last).to_contain_text("<b>đã xem camera</b>")
    await page.click('[data-act="unreject"]')
    await expect(page.locator(f'.card.handled[data-alarm="{alarm.id}"]')).to_have_count(1)


async def test_who_comes_second_reads_who_was_first(quiet: Shown) -> None:
    page = await quiet.open()
    alarm = jam(quiet.now_ms())
    await quiet.opened(alarm)
    await page.wait_for_selector('[data-act="acknowledge"]')
    other = await page.request.post(
        f"{quiet.url}api/alarms/{alarm.id}/acknowledge",
        data={"version": 1, "command_id": "of-somebody-else"},
        headers={"x-saola": "test", "origin": quiet.url.rstrip("/")},
    )
    assert other.status == 200
    refusal = await page.evaluate(
        """async (id) => {
          const { send, saidBy } = await import("./act.js");
          return saidBy(await send(`api/alarms/${id}/acknowledge`, { version: 1, command_id: "of-who-was-late" }));
        }""",
        alarm.id,
    )
    assert refusal == "operator đã nhận trước."
    quiet.complaints[:] = [c for c in quiet.complaints if "409" not in c]  # Chromium notes every refusal


async def test_a_flood_shows_causes_and_one_button_takes_them(quiet: Shown) -> None:
    now_ms = quiet.now_ms()
    alarms = [jam(now_ms - i * 1000, f"cam-bd-11{1 + i % 5}", id=f"flood-{i}", group="flood-0") for i in range(12)]
    await quiet.opened(*alarms)
    await report(quiet.engine, now_ms)
    page = await quiet.open()
    await expect(page.locator(".card.cause")).to_contain_text("12")
    await expect(page.locator(".card.needs")).to_have_count(0)
    await expect(page.locator("#queue .flood")).to_contain_text("12")
    await page.click('.cause [data-act="acknowledge-group"]')
    await expect(page.locator(".card.handled")).to_have_count(12)


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
    await evening.see(page, "places")
    await expect(page.locator('[data-place="cam-hv-203"]')).to_contain_text("no data")
    await page.click('[data-place="air-kk-02"]')
    await expect(page.locator(".uplot")).to_have_count(3)
    assert not _VIETNAMESE.search(await page.locator("#strip").inner_text())


async def test_keys_walk_the_queue_and_can_be_turned_off(evening: Shown) -> None:
    page = await evening.open()
    ids = await page.locator(".card").evaluate_all("cards => cards.map(card => card.dataset.alarm)")
    await page.keyboard.press("j")
    await _is_chosen(page, ids[1])
    await page.keyboard.press("k")
    await _is_chosen(page, ids[0])
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.click("#open-settings")
    await page.locator('#settings input[name="keys"][value="off"]').check(force=True)
    await page.locator('#settings input[name="sound"][value="bell"]').check(force=True)
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).not_to_be_visible()
    await _is_chosen(page, ids[0])


async def _is_chosen(page: Page, alarm_id: str) -> None:
    await expect(page.locator(f'[data-alarm="{alarm_id}"]')).to_have_attribute("aria-current", "true")


async def test_on_a_phone_nothing_is_cut_and_an_alarm_is_taken_in_two_taps(evening: Shown) -> None:
    page = await evening.open(PHONE)
    await expect(page.locator("#map")).not_to_be_visible()
    for card in await page.locator(".card b").all():
        assert await card.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    await page.locator(".card").first.click()
    button = page.locator(".actions .btn.primary")
    await expect(button).to_be_visible()
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= 48
    await page.click('[data-view-to="map"]')
    await expect(page.locator("#map .cam").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


async def test_a_lost_line_is_said_and_everything_becomes_unknown(evening: Shown) -> None:
    page = await evening.open()
    await expect(page.locator(".cam.jam")).to_have_count(2)
    evening.stop.set()
    await evening.served
    await expect(page.locator("#banner")).to_contain_text("Mất kết nối")
    await expect(page.locator(".cam.unknown")).to_have_count(8)
    await expect(page.locator(".fact .hatch")).to_have_count(2)
    evening.complaints.clear()  # refused connections are what this is about


async def test_two_tabs_share_one_stream_and_both_follow(quiet: Shown) -> None:
    page = await quiet.open()
    second = await page.context.new_page()
    await second.goto(quiet.url)
    await second.wait_for_selector(".empty")
    health = await (await page.request.get(f"{quiet.url}healthz")).json()
    assert health["viewers"] == 1
    alarm = jam(quiet.now_ms() - MINUTE_MS)
    await quiet.opened(alarm)
    for one in (page, second):
        await expect(one.locator(f'[data-alarm="{alarm.id}"]')).to_have_count(1)
