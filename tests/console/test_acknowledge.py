"""An operator takes an alarm, through a real log: the page asks, the engine decides, the page hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest

from city_model.events import Alarm, Command, EventType
from city_model.topics import DEFAULT_PARTITIONS, INPUTS, partition_of
from stream_processor.logs.records import from_record
from tests.console.conftest import Desk
from tests.console.town import T0, jam

ID = "0123456789abcdef"


def headers(desk: Desk, **changes: str) -> dict[str, str]:
    own = {"origin": desk.url, "content-type": "application/json", "x-saola": "console"}
    return {name: value for name, value in (own | changes).items() if value}


def body(version: int = 1, command_id: str = ID) -> bytes:
    return msgspec.json.encode({"version": version, "command_id": command_id})


@asynccontextmanager
async def answering(desk: Desk, alarm: Alarm) -> AsyncIterator[None]:
    """The engine's stand-in answers commands on `alarm`."""
    task = asyncio.create_task(desk.engine.answer_commands(alarm.area, {alarm.id: alarm}))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def opened(desk: Desk) -> Alarm:
    alarm = jam(T0)
    await desk.engine.opened(alarm)
    await desk.until(lambda: desk.view.shelf.get(alarm.id) is not None)
    return alarm


async def test_an_acknowledged_alarm_is_answered_at_once_with_who_and_when(desk: Desk, client: httpx.AsyncClient) -> None:
    alarm = await opened(desk)
    await desk.engine.report(T0 + 5000)
    await desk.until(lambda: desk.view.clock_ms == T0 + 5000)
    async with answering(desk, alarm):
        answer = await client.post(f"/api/alarms/{alarm.id}/acknowledge", content=body(), headers=headers(desk))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "acknowledged")
    after = answer.json()["alarm"]
    assert (after["response"], after["acknowledged_by"], after["acknowledged_ms"]) == ("acknowledged", "operator", T0 + 5000)
    assert (await client.get("/api/alarms")).json()[0]["group"] == "handled"


async def test_the_command_stands_in_the_partition_of_the_alarms_area(desk: Desk, client: httpx.AsyncClient) -> None:
    alarm = await opened(desk)
    async with answering(desk, alarm):
        await client.post(f"/api/alarms/{alarm.id}/acknowledge", content=body(), headers=headers(desk))
    reader = await desk.log.reader(INPUTS, partition_of(alarm.area, DEFAULT_PARTITIONS), 0)
    (row,) = await reader.fetch(10, wait_s=1.0)
    await reader.close()
    event = from_record(row.record)
    assert (event.type, event.area, event.device, row.record.key) == (EventType.COMMAND, alarm.area, alarm.device, alarm.area.encode())
    assert msgspec.json.decode(event.data, type=Command) == Command(ID, "acknowledge", alarm.id, 1, "operator", T0)


async def test_a_stale_version_is_refused_by_the_engine_and_said_so(desk: Desk, client: httpx.AsyncClient) -> None:
    alarm = await opened(desk)
    async with answering(desk, alarm):
        answer = await client.post(f"/api/alarms/{alarm.id}/acknowledge", content=body(version=7), headers=headers(desk))
    assert (answer.status_code, answer.json()["outcome"], answer.json()["why"]) == (409, "refused", "the alarm has changed")


async def test_without_an_answer_it_is_sent_and_no_more_is_claimed(desk: Desk, client: httpx.AsyncClient) -> None:
    alarm = await opened(desk)
    answer = await client.post(f"/api/alarms/{alarm.id}/acknowledge", content=body(), headers=headers(desk))
    status = f"/api/commands/{ID}"
    assert (answer.status_code, answer.json(), answer.headers["location"]) == (202, {"outcome": "sent", "status": status}, status)
    assert (await client.get("/api/alarms")).json()[0]["group"] == "needs"
    assert (await client.get(status)).status_code == 404
    async with answering(desk, alarm):  # late
        await desk.until(lambda: desk.view.shelf.ranked()[0].alarm.response == "acknowledged")
    told = await client.get(status)
    assert (told.status_code, told.json()["outcome"]) == (200, "acknowledged")
    again = await client.post(f"/api/alarms/{alarm.id}/acknowledge", content=body(), headers=headers(desk))
    assert (again.status_code, again.json()["outcome"]) == (200, "acknowledged")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"origin": "http://evil.example"}, 403), ({"origin": ""}, 403), ({"origin": "null"}, 403), ({"x-saola": ""}, 403),
        ({"sec-fetch-site": "cross-site"}, 403), ({"content-type": "text/plain"}, 415), ({"content-type": ""}, 415),
    ],
)  # fmt: skip
async def test_what_another_page_could_send_is_refused(
    desk: Desk, client: httpx.AsyncClient, changes: dict[str, str], status: int
) -> None:  # fmt: skip
    alarm = await opened(desk)
    answer = await client.post(f"/api/alarms/{alarm.id}/acknowledge", content=body(), headers=headers(desk, **changes))
    assert answer.status_code == status
    assert await desk.log.bounds(INPUTS, partition_of(alarm.area, DEFAULT_PARTITIONS)) == (0, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{", b"\xff", b'{"version":1}', b'{"version":"1","command_id":"0123456789"}', b'{"version":1,"command_id":"short"}',
        b'{"version":1,"command_id":"0123456789","by":"somebody else"}', b'{"note":"' + b"x" * 5000 + b'"}',
        b"[" * 4000,
    ],
)  # fmt: skip
async def test_bodies_that_are_wrong_get_a_reason_and_write_nothing(desk: Desk, client: httpx.AsyncClient, content: bytes) -> None:
    alarm = await opened(desk)
    answer = await client.post(f"/api/alarms/{alarm.id}/acknowledge", content=content, headers=headers(desk))
    assert (answer.status_code, "detail" in answer.json()) == (422, True)
    assert await desk.log.bounds(INPUTS, partition_of(alarm.area, DEFAULT_PARTITIONS)) == (0, 0)


async def test_a_body_of_ten_megabytes_is_not_taken_in(desk: Desk, client: httpx.AsyncClient) -> None:
    alarm = await opened(desk)
    content = b'{"note":"' + b"x" * 10_000_000 + b'"}'
    answer = await client.post(f"/api/alarms/{alarm.id}/acknowledge", content=content, headers=headers(desk))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_an_unknown_alarm_is_not_found(desk: Desk, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/alarms/nobody/acknowledge", content=body(), headers=headers(desk))
    assert answer.status_code == 404
