"""A moment of the past is shown as it was, not as it became."""

from __future__ import annotations

import httpx
import numpy as np

from city_model.events import AlarmEvent
from stream_processor.stores.port import Points
from tests.console.conftest import Desk
from tests.console.town import MINUTE_MS, T0, acknowledged, jam


def points(at_ms: int, values: dict[str, float]) -> Points:
    n = len(values)
    return Points(
        tuple(values), np.arange(n, dtype=np.uint16), np.full(n, at_ms, np.int64), np.array(list(values.values())), np.zeros(n, np.uint8)
    )


async def test_alarms_and_roads_stand_as_they_stood(desk: Desk, client: httpx.AsyncClient) -> None:
    alarm = jam(T0)
    taken = acknowledged(alarm, T0 + 5 * MINUTE_MS, "An")
    await desk.engine.opened(alarm)
    await desk.engine.alarm(AlarmEvent("acknowledged", T0 + 5 * MINUTE_MS, "An", "", taken, "command-1"))
    await desk.engine.alarm_returned(taken, T0 + 20 * MINUTE_MS)
    way = "cam-bd-114/south"
    desk.store.write(points(T0 + 2 * MINUTE_MS, {f"{way}/speed_kmh": 6.5, f"{way}/area_occupancy": 0.7}))
    desk.store.write(points(T0 + 30 * MINUTE_MS, {f"{way}/speed_kmh": 38.0, f"{way}/area_occupancy": 0.1}))
    await desk.until(lambda: any(card.alarm.condition == "returned" for card in desk.view.shelf.ranked()))

    async def at(minutes: float) -> dict[str, object]:
        answer = await client.get("/api/moment", params={"at": T0 + round(minutes * MINUTE_MS), "area": alarm.area})
        assert answer.status_code == 200
        return dict(answer.json())

    assert await states(await at(-1)) == ([], "unknown")
    assert await states(await at(2.5)) == ([("active", "new", "")], "jam")
    assert await states(await at(10)) == ([("active", "acknowledged", "An")], "unknown")  # no camera sample of that time
    assert await states(await at(30)) == ([("returned", "acknowledged", "An")], "free")


async def states(told: dict[str, object]) -> tuple[list[tuple[str, str, str]], str]:
    alarms = [card["alarm"] for card in told["alarms"]]  # type: ignore[attr-defined]  # JSON
    (camera,) = told["sites"]["bd-114"]["devices"]  # type: ignore[index]  # JSON
    south = next(way for way in camera["directions"] if way["id"] == "south")
    return [(a["condition"], a["response"], a["acknowledged_by"]) for a in alarms], south["state"]
