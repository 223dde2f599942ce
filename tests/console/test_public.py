"""The page for anybody: what it tells and what not, once for all who ask; the ledger of devices; a station's band from its index."""

from __future__ import annotations

import httpx

from city_model.events import AlarmEvent
from dashboards.console.routes_devices import ledger
from dashboards.console.routes_public import KEEP_S, PublicFeed, public_state
from dashboards.console.sites import AQI_FRESH_MS, device_now
from tests.console.conftest import Desk
from tests.console.evening import write_evening
from tests.console.town import MINUTE_MS, T0, jam, town


async def test_anybody_reads_air_and_roads_and_nothing_else(desk: Desk, client: httpx.AsyncClient) -> None:
    await write_evening(desk.engine, desk.store, T0)
    await desk.until(lambda: desk.view.clock_ms == T0 and desk.view.figures("air-kk-04"))
    answer = await client.get("/api/public")
    assert answer.headers["cache-control"] == "public, max-age=5"
    told = public_state(desk.view)
    assert [(place.en, place.state, place.band > 0) for place in told.air][-1] == ("General hospital", "unknown", False)
    assert {place.en: place.state for road in told.roads for place in road.places}["Phu Loi roundabout"] == "jam"
    text = answer.text
    assert not [word for word in ("cam-", "air-kk", "operator", "alarm", "owner") if word in text]


def test_one_answer_serves_everybody_for_a_while(desk: Desk) -> None:
    times = iter((0.0, 0.0, KEEP_S - 0.1, KEEP_S, KEEP_S))
    feed = PublicFeed(desk.view, lambda: next(times))
    first = feed.body()
    assert feed.body() is first
    assert feed.body() is not first


async def test_the_ledger_counts_and_names_what_is_broken(desk: Desk) -> None:
    await write_evening(desk.engine, desk.store, T0)
    broken = jam(T0 - MINUTE_MS, "cam-hv-203", id="sick", rule="camera_health", kind="maintenance", subject="cam-hv-203")
    await desk.engine.alarm(AlarmEvent("opened", T0, "camera_health", "", broken))
    await desk.until(lambda: desk.view.shelf.get("sick") and desk.view.received.get("air-kk-04"))
    sight = desk.app.state.access.sights.of(desk.app.state.access.person(httpx.Request("GET", "http://x")))
    rows = {row.id: row for row in ledger(desk.view, sight).devices}
    assert (rows["cam-hv-203"].received, rows["cam-hv-203"].faults) == (0, ("sick",))
    assert rows["cam-bd-111"].received == 6
    assert rows["cam-hv-203"].state == "unknown"


def test_a_station_is_banded_by_its_index_while_that_holds() -> None:
    station = next(d for d in town().device if d.id == "air-kk-01")
    now = {"pm25": (T0, 12.0), "vn_aqi": (T0 - AQI_FRESH_MS, 163.0)}
    seen = device_now(station, now, T0, frozenset())
    assert (seen.band, seen.by_index) == (4, True)
    old = device_now(station, now | {"vn_aqi": (T0 - AQI_FRESH_MS - 1, 163.0)}, T0, frozenset())
    assert (old.band, old.by_index) == (1, False)
