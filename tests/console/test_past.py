"""History, figures and handover, against alarms whose answer can be counted by hand."""

from __future__ import annotations

import csv
import io

import httpx
import msgspec
import pytest

from city_model.events import Alarm
from dashboards.console.kpis import HOUR_MS, is_flood, kpis
from tests.console.conftest import Desk
from tests.console.town import MINUTE_MS, T0, acknowledged, jam, returned, smoke


def many(count: int, every_ms: int) -> list[Alarm]:
    return [jam(T0 + i * every_ms) for i in range(count)]


def test_an_hour_of_six_is_what_one_person_can_handle() -> None:
    told = kpis(many(6, 10 * MINUTE_MS), T0, T0 + HOUR_MS)
    assert (told.raised, told.rate_per_hour, told.worst_hour, told.floods) == (6, 6.0, 6, 0)
    assert kpis(many(6, 10 * MINUTE_MS), T0, T0 + HOUR_MS, operators=2).rate_per_hour == 3.0


def test_more_than_ten_in_ten_minutes_are_a_flood() -> None:
    assert kpis(many(10, MINUTE_MS), T0, T0 + HOUR_MS).floods == 0
    eleven = many(11, 50_000)
    told = kpis(eleven, T0, T0 + HOUR_MS)
    assert told.floods == 1
    assert told.flood_share == pytest.approx(500_000 / HOUR_MS)
    assert is_flood(eleven, T0 + 10 * 50_000)
    assert not is_flood(eleven, T0 + 30 * MINUTE_MS)
    two = [*eleven, *(jam(T0 + HOUR_MS + i * 50_000) for i in range(11))]
    assert kpis(two, T0, T0 + 3 * HOUR_MS).floods == 2


def test_what_technicians_look_at_is_no_load_on_the_desk() -> None:
    hidden = jam(T0, display="suppressed")
    entries = [jam(T0, kind="maintenance"), hidden]
    assert kpis(entries, T0, T0 + HOUR_MS).raised == 0
    later = msgspec.structs.replace(hidden, version=2)
    assert kpis([later], T0, T0 + HOUR_MS).raised == 1, "it was shown before it was hidden"


def test_answers_sources_and_priorities() -> None:
    taken = acknowledged(jam(T0), T0 + 90_000)
    wrong = msgspec.structs.replace(acknowledged(jam(T0 + 1), T0 + 30_001), response="rejected")
    over = msgspec.structs.replace(returned(smoke(T0 + 2), T0 + HOUR_MS), closed_ms=T0 + HOUR_MS, closed_as="unacknowledged")
    old = jam(T0 + 3, "cam-bd-113", recurrences=3)
    told = kpis([taken, wrong, over, old], T0, T0 + 48 * HOUR_MS)
    assert (told.answer_s, told.unanswered, told.rejected_share, told.chattering, told.stale) == (60.0, 1, 0.5, 1, 3)
    assert told.priorities == {"high": 0.75, "medium": 0.25, "low": 0.0}
    assert (told.top[0].subject, told.top[0].count, told.top[0].share) == ("cam-bd-114/south", 2, 0.5)
    assert told.top_share == 1.0


def test_nothing_is_not_a_number() -> None:
    told = kpis([], T0, T0 + HOUR_MS)
    assert (told.raised, told.answer_s, told.rejected_share, told.top) == (0, None, None, ())


async def filled(desk: Desk) -> list[Alarm]:
    alarms = [jam(T0), smoke(T0 + 1), jam(T0 + 2, "cam-hv-202", "north"), jam(T0 + 3, title="=1+1", kind="incident")]
    for alarm in alarms:
        await desk.engine.opened(alarm)
    await desk.until(lambda: len(desk.view.shelf.all()) == 4)
    return alarms


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [3, 2, 1, 0]), ({"kind": "pollution"}, [1]), ({"area": "hv-street"}, [2]), ({"text": "SÓNG thần"}, [1]),
        ({"from": T0 + 2}, [3, 2]), ({"to": T0 + 1}, [0]), ({"response": "acknowledged"}, []), ({"priority": "medium"}, [1]),
    ],
)  # fmt: skip
async def test_the_past_is_searched(desk: Desk, client: httpx.AsyncClient, asked: dict[str, str], found: list[int]) -> None:
    alarms = await filled(desk)
    told = (await client.get("/api/history", params={"to": T0 + 100, **asked})).json()
    assert [alarm["id"] for alarm in told["alarms"]] == [alarms[i].id for i in found]


async def test_the_export_opens_in_a_spreadsheet_and_runs_nothing_there(desk: Desk, client: httpx.AsyncClient) -> None:
    await filled(desk)
    answer = await client.get("/api/history", params={"to": T0 + 100, "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 4
    assert rows[0]["title"] == "'=1+1"
    assert rows[3]["opened"] == "2026-09-21T21:42:08+07:00"


async def test_a_handover_tells_what_was_and_what_is_left(desk: Desk, client: httpx.AsyncClient) -> None:
    alarms = await filled(desk)
    await desk.engine.alarm_returned(alarms[2], T0 + 50)
    await desk.until(lambda: len(desk.view.shelf.open_subjects()) == 2)
    told = (await client.get("/api/handover", params={"to": T0 + 100})).json()
    assert len(told["handover"]["raised"]) == 4
    assert {alarm["id"] for alarm in told["handover"]["still_open"]} == {alarms[i].id for i in (0, 1, 3)}
    assert told["kpis"]["raised"] == 4
    assert (await client.get("/api/kpis", params={"from": 5, "to": 5})).status_code == 422
