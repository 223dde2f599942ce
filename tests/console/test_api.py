"""The API over HTTP, with a real embedded log and store."""

from __future__ import annotations

import httpx
import pytest

from city_model.clock import ManualClock
from city_model.topics import ALARMS, INPUTS, OBSERVATIONS
from dashboards.console.app import create_app
from stream_processor.logs.port import EventLog, Record
from stream_processor.stores.port import Flag, SeriesStore
from tests.console.conftest import Desk
from tests.console.evening import write_evening
from tests.console.town import MINUTE_MS, T0, Engine, jam, smoke
from tests.stores.rows import points


async def test_the_city_is_described_without_owners_and_agents(client: httpx.AsyncClient) -> None:
    city = (await client.get("/api/city")).json()
    assert city["areas"][0]["vi"] == "Đại lộ Bình Dương"
    assert {"bd-111", "kk-05"} <= {site["id"] for site in city["sites"]}
    assert "owner" not in city["sites"][0]


async def test_an_evening_is_there_from_the_first_request(log: EventLog, store: SeriesStore, engine: Engine) -> None:
    await write_evening(engine, store, T0)
    app = create_app(log, store, engine.city, ManualClock(T0))
    async with app.router.lifespan_context(app), httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
    ) as client:  # fmt: skip
        await app.state.follower.ready.wait()
        state = (await client.get("/api/state")).json()
        assert (await client.get("/healthz")).status_code == 200
    assert [card["group"] for card in state["alarms"]] == ["needs", "needs", "handled", "returned"]
    assert [line["transition"] for line in state["alarms"][0]["timeline"]] == ["opened", "worsened"]
    states = {name: site["state"] for name, site in state["sites"].items()}
    assert (states["bd-114"], states["bd-113"], states["bd-111"], states["hv-203"]) == ("jam", "slow", "free", "unknown")
    assert (states["kk-02"], states["kk-01"], states["kk-05"]) == ("alarm", "ok", "unknown")
    assert state["quality"]["cameras"] == {"known": 7, "total": 8}
    assert state["quality"]["alarms_this_hour"] == 3
    assert (state["clock_ms"], state["link"]) == (T0, "ok")
    store.close()


async def test_rules_are_told_with_the_origin_of_each_setting(desk: Desk, client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/rules")).json() == {"rules": [], "at_ms": None, "agree": True}
    await desk.engine.rules(T0)
    await desk.until(lambda: desk.view.rules)
    told = (await client.get("/api/rules")).json()
    congestion = next(rule for rule in told["rules"] if rule["name"] == "congestion")
    changed = [(one["name"], one["value"]) for one in congestion["settings"] if one["origin"] == "core.toml"]
    assert (changed, told["agree"], told["at_ms"]) == ([("slow_below_kmh", "12.0")], True, T0)


async def test_series_come_raw_or_rolled_up(desk: Desk, client: httpx.AsyncClient) -> None:
    minute = T0 // MINUTE_MS * MINUTE_MS
    desk.store.write(points([("a/pm25", minute + i * 30_000, float(i)) for i in range(4)]))
    span: dict[str, str | int] = {"series": "a/pm25", "from": minute, "to": minute + 2 * MINUTE_MS}
    raw = (await client.get("/api/series", params=span)).json()
    assert (raw["at_ms"], raw["value"]) == ([minute + i * 30_000 for i in range(4)], [0.0, 1.0, 2.0, 3.0])
    rolled = (await client.get("/api/series", params={**span, "width_s": 60})).json()
    assert (rolled["value"], rolled["min"], rolled["max"], rolled["count"]) == ([0.5, 2.5], [0.0, 2.0], [1.0, 3.0], [2, 2])


async def test_a_series_says_which_of_its_points_came_late_or_were_made_anew(desk: Desk, client: httpx.AsyncClient) -> None:
    minute = T0 // MINUTE_MS * MINUTE_MS
    desk.store.write(points([("a/vn_aqi", minute + k * MINUTE_MS, 60.0) for k in range(4)]))
    desk.store.write(points([("a/vn_aqi", minute + 2 * MINUTE_MS, 90.0)], Flag.REVISED))
    span: dict[str, str | int] = {"series": "a/vn_aqi", "from": minute, "to": minute + 4 * MINUTE_MS}
    for width in (0, 60):
        told = (await client.get("/api/series", params={**span, "width_s": width})).json()
        assert (told["value"], told["marked_ms"], told["flags"]) == ([60.0, 60.0, 90.0, 60.0], [minute + 2 * MINUTE_MS], [Flag.REVISED])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"to": 0}, 422), ({"width_s": 61}, 422), ({"from": "x"}, 422), ({"series": ""}, 422), ({"width_s": -60}, 422),
        ({"from": 0, "to": 300 * 86_400_000, "width_s": 60}, 422), ({"series": "nobody/pm25"}, 200),
    ],
)  # fmt: skip
async def test_wrong_questions_get_reasons(client: httpx.AsyncClient, change: dict[str, str | int], status: int) -> None:
    params: dict[str, str | int] = {"series": "a/pm25", "from": T0, "to": T0 + MINUTE_MS, **change}
    assert (await client.get("/api/series", params=params)).status_code == status


async def test_every_answer_carries_the_headers_that_lock_the_page(client: httpx.AsyncClient) -> None:
    for path in ("/", "/api/state", "/app.js", "/nothing-here", "/vendor/leaflet/leaflet.js"):
        headers = (await client.get(path)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_another_host_name_is_not_served(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/state", headers={"host": "evil.example"})).status_code == 421
    assert (await client.get("/api/state", headers={"host": "localhost:1"})).status_code == 200


async def test_a_record_nobody_can_read_is_counted_and_the_rest_goes_on(desk: Desk, client: httpx.AsyncClient) -> None:
    for topic in (ALARMS, OBSERVATIONS, INPUTS):
        await desk.log.append(topic, [(0, Record(b"x", b"\xff not json"))])
    await desk.log.append(ALARMS, [(0, Record(b"unknown", None))])
    alarm = smoke(T0)
    await desk.engine.opened(alarm)
    await desk.until(lambda: desk.view.shelf.get(alarm.id) is not None and desk.view.unreadable == 2)
    quality = (await client.get("/api/state")).json()["quality"]
    assert quality["unreadable"] == 2


async def test_a_tombstone_takes_the_alarm_away(desk: Desk, client: httpx.AsyncClient) -> None:
    alarm = jam(T0)
    await desk.engine.opened(alarm)
    await desk.until(lambda: desk.view.shelf.get(alarm.id) is not None)
    await desk.log.append(ALARMS, [(0, Record(alarm.id.encode(), None))])
    await desk.until(lambda: desk.view.shelf.get(alarm.id) is None)
    assert (await client.get("/api/alarms")).json() == []
