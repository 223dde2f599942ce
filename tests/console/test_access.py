"""Who may come in, see and do: login, roles × areas × owners over every operation, tokens, links, what ends a session, the audit log."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from city_model.clock import ManualClock
from city_model.registry import City
from dashboards.console.access import ANYBODY, COOKIE, OPERATIONS, Access
from dashboards.console.accounts import SESSION_MS, Accounts
from dashboards.console.app import create_app
from dashboards.console.people import ROLES, Share
from dashboards.console.serve import serve
from stream_processor.logs.port import EventLog
from stream_processor.stores.port import SeriesStore
from tests.console.sse import first, stream
from tests.console.town import T0, Engine, jam, smoke

PASSWORD = "đúng là mật khẩu này"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A console with accounts: one user of each role, named after it, and two who see only a part."""

    app: FastAPI
    url: str
    accounts: Accounts
    clock: ManualClock
    engine: Engine

    def client(self, name: str = "") -> httpx.AsyncClient:
        """With an API token of `name`, or of nobody."""
        headers = {"authorization": f"Bearer {self.accounts.ticket(name, 'token', self.clock.now_ms())}"} if name else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10)

    def browser(self) -> httpx.AsyncClient:
        """Sends what our own page sends."""
        return httpx.AsyncClient(base_url=self.url, headers={"origin": self.url, "x-saola": "console"}, timeout=10)


def owned(city: City) -> City:
    """Half of the cameras belong to the police, half to a ward."""
    sites = [replace(site, owner="ward-1" if i % 2 else "police") for i, site in enumerate(city.site)]
    return replace(city, site=tuple(sites))


@pytest.fixture
async def guarded(tmp_path: Path, log: EventLog, store: SeriesStore, engine: Engine) -> AsyncIterator[Guarded]:
    city = owned(engine.city)
    accounts, clock, stop = Accounts(tmp_path), ManualClock(T0), asyncio.Event()
    for role in ROLES:
        accounts.add(role, role, password=PASSWORD)
    accounts.add("street", "traffic", areas=["hv-street"], password=PASSWORD)
    accounts.add("ward", "traffic", owners=["ward-1"], password=PASSWORD)
    accounts.add("commune", "traffic", owners=["commune-9"], password=PASSWORD)
    access = Access.of(city, accounts, (Share("police", ("commune-9",)),))
    access.clock = clock
    app = create_app(log, store, city, clock, access=access)
    port = await serve(app, "127.0.0.1", 0, stop)
    await app.state.follower.ready.wait()
    yield Guarded(app, f"http://127.0.0.1:{port}", accounts, clock, engine)
    stop.set()
    await app.state.served
    accounts.close()
    store.close()


def operations(app: FastAPI) -> dict[str, tuple[str, str]]:
    """Method and path with its parts filled in, by operation."""
    filled = {
        "{alarm_id}": "none",
        "{act}": "acknowledge",
        "{device_id}": "none",
        "{name}": "nobody",
        "{link}": "none",
        "{command_id}": "none",
    }
    found = {}
    for route in app.routes:
        if isinstance(route, APIRoute):
            path = route.path
            for part, value in filled.items():
                path = path.replace(part, value)
            found[str(route.operation_id)] = (sorted(route.methods or ())[0], path)
    return found


async def test_every_operation_has_its_roles_and_nobody_else_comes_in(guarded: Guarded) -> None:
    declared = operations(guarded.app)
    assert declared.keys() <= OPERATIONS.keys(), "an operation without a row"
    for name in ("", *ROLES):
        async with guarded.client(name) as client:
            for operation, (method, path) in declared.items():
                if operation == "stream":
                    continue
                status = (await client.request(method, path)).status_code
                allowed = OPERATIONS[operation]
                if allowed == ANYBODY or name in allowed:
                    assert status not in (401, 403) or (operation, status) in {("login", 403), ("login", 415)}, (name, operation, status)
                else:
                    assert status == (403 if name and allowed else 401), (name, operation, status)
                if operation == "logout":
                    client.headers["authorization"] = f"Bearer {guarded.accounts.ticket(name or 'viewer', 'token', T0)}" if name else ""


async def test_a_login_is_a_cookie_that_scripts_and_other_pages_cannot_use(guarded: Guarded) -> None:
    async with guarded.browser() as browser:
        assert (await browser.get("/api/state")).status_code == 401
        answer = await browser.post("/api/session", json={"name": "traffic", "password": PASSWORD})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await browser.get("/api/session")).json()["role"] == "traffic"
        foreign = await browser.post("/api/incidents", json={}, headers={"origin": "http://evil.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "not_ours")
        assert (await browser.delete("/api/session")).status_code == 204
        assert (await browser.get("/api/state")).status_code == 401


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_and_then_have_to_wait(guarded: Guarded) -> None:
    async with guarded.browser() as browser:
        answers = [await browser.post("/api/session", json={"name": n, "password": "x" * 12}) for n in ("traffic", "nobody")]
        assert answers[0].json() == answers[1].json()
        assert {a.status_code for a in answers} == {401}
        for _ in range(3):
            await browser.post("/api/session", json={"name": "traffic", "password": "x" * 12})
        slow = await browser.post("/api/session", json={"name": "traffic", "password": PASSWORD})
        assert (slow.status_code, slow.json()["code"]) == (429, "slow_down")
        assert int(slow.headers["retry-after"]) >= 1


async def test_a_link_lets_one_browser_in_once(guarded: Guarded) -> None:
    link = guarded.accounts.ticket("supervisor", "link", T0)
    async with guarded.client() as one, guarded.client() as two:
        assert COOKIE in (await one.get(f"/enter/{link}")).cookies
        assert COOKIE not in (await two.get(f"/enter/{link}")).cookies
        one.cookies = httpx.Cookies(dict(one.cookies))
        assert (await one.get("/api/session")).json()["name"] == "supervisor"


async def test_a_session_ends_with_its_time(guarded: Guarded) -> None:
    async with guarded.browser() as browser:
        await browser.post("/api/session", json={"name": "viewer", "password": PASSWORD})
        guarded.clock.advance_to(T0 + SESSION_MS - 1)
        assert (await browser.get("/api/state")).status_code == 200
        guarded.clock.advance_to(T0 + SESSION_MS)
        assert (await browser.get("/api/state")).status_code == 401


async def test_a_revoked_session_loses_its_stream_at_once(guarded: Guarded) -> None:
    async with guarded.client("viewer") as client, stream(client) as messages:
        await first(messages, "snapshot")
        guarded.accounts.change("viewer", active=False)
        async with asyncio.timeout(5):
            assert [m async for m in messages if m.event == "alarm"] == []
        assert (await client.get("/api/state")).status_code == 401


@pytest.mark.parametrize(
    ("name", "sites"),
    [
        ("street", {"hv-201", "hv-202", "hv-203"}),
        ("ward", {"bd-112", "bd-114", "hv-201", "hv-203", "kk-02", "kk-04"}),
        ("commune", {"bd-111", "bd-113", "bd-115", "hv-202", "kk-01", "kk-03", "kk-05"}),
    ],
)
async def test_areas_owners_and_shares_bound_what_is_seen(guarded: Guarded, name: str, sites: set[str]) -> None:
    async with guarded.client(name) as client:
        assert {site["id"] for site in (await client.get("/api/city")).json()["sites"]} == sites
        assert set((await client.get("/api/state")).json()["sites"]) == sites
        span: dict[str, str | int] = {"series": "cam-bd-111/north/speed_kmh", "from": T0 - 86_400_000, "to": T0, "width_s": 3600}
        assert (await client.get("/api/series", params=span)).status_code == 200


async def test_an_alarm_goes_only_to_those_whom_it_concerns(guarded: Guarded) -> None:
    async with guarded.client("environment") as air, guarded.client("ward") as ward, stream(air) as at_air, stream(ward) as at_ward:
        await first(at_air, "snapshot")
        await first(at_ward, "snapshot")
        for alarm in (jam(T0, "cam-bd-111"), smoke(T0 + 1, "air-kk-01"), jam(T0 + 2, "cam-bd-114")):
            await guarded.engine.opened(alarm)
        assert (await first(at_air, "alarm")).data["alarm"]["site"] == "kk-01"
        assert (await first(at_ward, "alarm")).data["alarm"]["site"] == "bd-114"
        seen = [card["alarm"]["site"] for card in (await ward.get("/api/alarms")).json()]
        assert seen == ["bd-114"]
        hidden = jam(T0, "cam-bd-111")
        refused = await ward.post(f"/api/alarms/{hidden.id}/acknowledge", json={"version": 1, "command_id": "12345678"})
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_alarm")


async def test_an_admin_makes_a_user_whose_first_password_is_generated(guarded: Guarded) -> None:
    async with guarded.client("admin") as admin, guarded.browser() as browser:
        made = (await admin.post("/api/users", json={"name": "minh", "role": "traffic"})).json()
        assert (await browser.post("/api/session", json=made)).status_code == 204
        again = await admin.post("/api/users", json={"name": "minh", "role": "traffic"})
        assert (again.status_code, again.json()["code"]) == (409, "name_taken")
        king = await admin.post("/api/users", json={"name": "vua", "role": "king"})
        assert (king.status_code, king.json()["code"]) == (422, "malformed")
        assert (await admin.patch("/api/users/minh", json={"active": False})).status_code == 200
        assert (await browser.get("/api/state")).status_code == 401


async def test_the_audit_log_tells_who_did_what_and_shows_every_change_to_itself(guarded: Guarded, tmp_path: Path) -> None:
    async with guarded.browser() as browser:
        await browser.post("/api/session", json={"name": "traffic", "password": PASSWORD})
        await browser.delete("/api/session")
    audit = guarded.accounts.audit
    assert [(e.who, e.what) for e in audit.entries()] == [("traffic", "login"), ("traffic", "logout")]
    assert audit.verify() == (2, "")
    assert PASSWORD not in (tmp_path / "console.db").read_bytes().decode(errors="replace")
    db = sqlite3.connect(tmp_path / "console.db")
    with db:
        db.execute("UPDATE audit SET who = 'somebody' WHERE seq = 1")
    assert audit.verify() == (0, "line 1 was changed")
    with db:
        db.execute("UPDATE audit SET who = 'traffic' WHERE seq = 1")
        db.execute("DELETE FROM audit WHERE seq = 2")
    db.close()
    assert audit.verify() == (1, "lines 2 to 2 are missing at the end")
