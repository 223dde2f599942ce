"""The door: who asks, by session cookie or API token, and whether the operation is theirs.

`OPERATIONS` has a row for every operation of the API; one without a row is refused to everybody, and a test fails.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from city_model.clock import Clock, WallClock
from city_model.registry import City
from dashboards.console.accounts import SESSION_MS, Accounts, is_password
from dashboards.console.guard import why_not_ours
from dashboards.console.people import RESPONDERS, ROLES, Person, Share, Sight, Sights
from dashboards.console.problems import problem
from dashboards.console.throttle import Throttle

COOKIE = "saola_session"
ANYBODY: frozenset[str] = frozenset({"anybody"})
_ALL: frozenset[str] = frozenset(ROLES)
_CHIEF: frozenset[str] = frozenset({"supervisor", "admin"})
_ADMIN: frozenset[str] = frozenset({"admin"})
_RESPOND: frozenset[str] = frozenset(RESPONDERS)

OPERATIONS: Mapping[str, frozenset[str]] = {
    "health": ANYBODY, "login": ANYBODY, "enter": ANYBODY, "public_state": ANYBODY,
    "logout": _ALL, "who_am_i": _ALL, "change_password": _ALL,
    "city": _ALL, "state": _ALL, "alarms": _ALL, "stream": _ALL, "series": _ALL, "lifecycle": _ALL, "devices": _ALL, "rules": _ALL,
    "map_ground": _ALL, "map_tile": _ALL, "board_page": ANYBODY, "boards": _ALL, "board": _ALL,
    "history": _ALL, "moment": _ALL, "kpis": _ALL, "handover": _ALL,
    "act": _RESPOND, "act_on_group": _RESPOND, "incident": _RESPOND,
    "command": _RESPOND, "service": _CHIEF, "audit": _CHIEF,
    "users": _ADMIN, "add_user": _ADMIN, "change_user": _ADMIN,
}  # fmt: skip
"""Roles by operation."""

_OPERATOR = Person("operator", "supervisor")


@dataclass(slots=True)
class Access:
    """Who may come in. Without `accounts` everybody is one operator: for programs that embed the page on loopback."""

    sights: Sights
    accounts: Accounts | None = None
    clock: Clock = field(default_factory=WallClock)
    throttle: Throttle = field(default_factory=Throttle)
    _hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    @classmethod
    def open(cls, city: City) -> Access:
        """For tests and embedding: no login."""
        return cls(Sights(city))

    @classmethod
    def of(cls, city: City, accounts: Accounts, shares: tuple[Share, ...] = ()) -> Access:
        return cls(Sights(city, shares), accounts)

    def person(self, request: Request) -> Person | None:
        """Who asks; None when nobody is known."""
        if self.accounts is None:
            return _OPERATOR
        now_ms = self.clock.now_ms()
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and secret:
            return self.accounts.holder(secret, "token", now_ms)
        if secret := request.cookies.get(COOKIE, ""):
            return self.accounts.holder(secret, "session", now_ms)
        return None

    def sight(self, person: Person) -> Sight:
        return self.sights.of(person)

    def is_over(self, person: Person) -> bool:
        """Whether the session or token that `person` came with is good no more."""
        return self.accounts is not None and not self.accounts.still(person, self.clock.now_ms())

    def why_not(self, request: Request, operation: str) -> Response | None:
        """A refusal, or None after `request.state.person` has been set where somebody is known."""
        roles = OPERATIONS.get(operation, frozenset())
        person = self.person(request)
        request.state.person = person
        if roles != ANYBODY and person is None:
            return problem(401, "sign_in", "sign in first")
        if roles != ANYBODY and person is not None and person.role not in roles:
            return problem(403, "not_yours", f"{operation} is not for the role {person.role}")
        by_cookie = "authorization" not in request.headers
        if request.method not in ("GET", "HEAD") and by_cookie and (why := why_not_ours(request.headers)):
            return problem(403, "not_ours", why)
        return None

    async def login(self, request: Request, name: str, password: str) -> Response:
        """A session for the right password; the same answer for a wrong one and for an unknown name."""
        if self.accounts is None:
            return problem(404, "no_accounts", "this page has no accounts")
        keys = (f"name:{name}", f"address:{_address(request)}")
        now_s = time.monotonic()
        if (wait_s := self.throttle.wait_s(keys, now_s)) > 0:
            refusal = problem(429, "slow_down", "too many failed attempts", retry_after_s=round(wait_s + 0.5))
            refusal.headers["retry-after"] = str(round(wait_s + 0.5))
            return refusal
        async with self._hashing:
            good = await asyncio.to_thread(is_password, self.accounts.hash_of(name), password)
        if not good:
            self.throttle.failed(keys, now_s)
            self.accounts.audit.write(self.clock.now_ms(), name[:63], "login_failed", address=_address(request))
            return problem(401, "wrong_login", "the name or the password is wrong")
        self.throttle.succeeded(keys)
        return self.admit(request, Response(status_code=204), name, "login")

    def admit(self, request: Request, answer: Response, name: str, what: str) -> Response:
        """`answer` with a new session of `name`."""
        assert self.accounts is not None
        now_ms = self.clock.now_ms()
        secret = self.accounts.ticket(name, "session", now_ms)
        self.accounts.audit.write(now_ms, name, what, address=_address(request))
        answer.set_cookie(
            COOKIE, secret, max_age=SESSION_MS // 1000, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
        )
        return answer


def _address(request: Request) -> str:
    """Of the client; one IPv6 network counts as one address."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network(f"{host}/64", strict=False)) if address.version == 6 else host
