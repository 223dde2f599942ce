"""The live stream: snapshot, updates, resume, coalescing, and viewers who cannot keep up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx

from city_model.events import AlarmEvent
from tests.console.conftest import Desk
from tests.console.sse import first, stream
from tests.console.town import T0, acknowledged, jam, smoke


async def test_an_alarm_reaches_the_viewer_with_its_timeline(desk: Desk, client: httpx.AsyncClient) -> None:
    async with stream(client) as messages:
        snapshot = await first(messages, "snapshot")
        assert snapshot.data["alarms"] == []
        await desk.engine.opened(jam(T0))
        while not (card := (await first(messages, "alarm")).data)["timeline"]:
            pass
        assert card["alarm"]["subject"] == "cam-bd-114/south"
        assert card["series"] == "cam-bd-114/south/speed_kmh"


async def test_a_viewer_that_comes_back_gets_what_it_missed_and_no_more(desk: Desk, client: httpx.AsyncClient) -> None:
    async with stream(client) as messages:
        await first(messages, "snapshot")
        await desk.engine.opened(jam(T0))
        while not (last := (await first(messages, "alarm")).id):
            pass
    one, other = smoke(T0 + 1000), smoke(T0 + 2000, "air-kk-03")
    await desk.engine.opened(one)
    await desk.engine.opened(other)
    await desk.until(lambda: sum(bool(card.timeline) for card in desk.view.shelf.ranked()) == 3)
    async with stream(client, last) as messages:
        missed = [await first(messages, "alarm") for _ in range(2)]
        assert {message.data["alarm"]["id"] for message in missed} == {one.id, other.id}
        sites = await first(messages, "sites")
        assert set(sites.data["sites"]) == set(desk.engine.city.sites), "every site as it is now"


async def test_an_id_nobody_knows_gets_a_snapshot(desk: Desk, client: httpx.AsyncClient) -> None:
    await desk.engine.opened(jam(T0))
    await desk.until(desk.view.shelf.ranked)
    for stranger in ("deadbeef-3:17", "nonsense", "0:99", "99:1"):
        async with stream(client, stranger) as messages:
            message = await anext(messages)
            assert message.event == "snapshot"
            assert len(message.data["alarms"]) == 1


async def test_a_snapshot_can_be_resumed_from_before_anything_happened(desk: Desk, client: httpx.AsyncClient) -> None:
    async with stream(client) as messages:
        last = (await first(messages, "snapshot")).id
    async with stream(client, last) as messages:
        assert (await anext(messages)).event == "sites"


async def test_many_observations_become_few_updates(desk: Desk, client: httpx.AsyncClient) -> None:
    async with stream(client) as messages, asyncio.timeout(20):
        await first(messages, "snapshot")
        for i in range(200):
            await desk.engine.observe("airshed-1", T0 + i, {"air-kk-01/pm25": float(i)})
        await desk.engine.report(T0 + 200)
        updates = 0
        while True:
            updates += 1
            sites = (await first(messages, "sites")).data
            station = sites["sites"].get("kk-01", {}).get("devices", [{}])[0]
            if station.get("values", {}).get("pm25", [None])[0] == 199.0 and sites["clock_ms"] == T0 + 200:
                break
        assert updates < 20


async def test_a_viewer_who_does_not_read_is_let_go_and_others_are_not(desk: Desk, client: httpx.AsyncClient) -> None:
    host, port = desk.url.removeprefix("http://").split(":")
    lazy = socket.create_connection((host, int(port)))
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.sendall(f"GET /api/stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    await desk.until(lambda: len(desk.hub.viewers) == 1)
    async with stream(client) as messages:
        await first(messages, "snapshot")
        await desk.until(lambda: len(desk.hub.viewers) == 2)
        hub = desk.hub
        sent = 0
        while hub.dropped == 0 and sent < 5000:
            hub.publish("noise", lambda sight: {"text": "x" * 20_000})
            sent += 1
            await first(messages, "noise")
        assert hub.dropped == 1
        assert len(hub.viewers) == 1
        hub.publish("noise", lambda sight: {"text": "still here"})
        assert (await first(messages, "noise")).data == {"text": "still here"}
    lazy.close()


async def test_the_stream_beats_as_a_comment_and_as_an_event(desk: Desk, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/api/stream") as answer:
        lines = answer.aiter_lines()
        async for line in lines:
            if line == "event: snapshot":
                break
        desk.hub.beat()
        seen = [line async for line in _until(lines, "event: beat")]
        assert ": beat" in seen


async def _until(lines: AsyncIterator[str], last: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line == last:
            return


async def test_a_refused_command_is_told_but_changes_nothing(desk: Desk, client: httpx.AsyncClient) -> None:
    taken = acknowledged(jam(T0), T0 + 1)
    await desk.engine.opened(jam(T0))
    await desk.engine.alarm(AlarmEvent("acknowledged", T0 + 1, "operator", "", taken, "c1"))
    await desk.engine.alarm(AlarmEvent("refused", T0 + 2, "operator", "already acknowledged by operator", taken, "c2"))
    await desk.until(lambda: [len(card.timeline) for card in desk.view.shelf.ranked()] == [3])
    card = (await client.get("/api/alarms")).json()[0]
    assert card["group"] == "handled"
    assert [line["transition"] for line in card["timeline"]] == ["opened", "acknowledged", "refused"]
