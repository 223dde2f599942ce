"""Who is at the desk: login, single-use links, the signed-in person, users, the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Query, Request
from msgspec import Meta
from starlette.responses import RedirectResponse, Response

from city_model.faults import ConfigError, Rejected
from dashboards.console.access import COOKIE, Access
from dashboards.console.accounts import LEAST_PASSWORD, NAME, Accounts
from dashboards.console.gate import Refused, answer, body_of, operation, person_of
from dashboards.console.hub import Hub
from dashboards.console.people import Role
from dashboards.console.problems import problem

_MOST_PASSWORD = 1_000
UserName = Annotated[str, Meta(pattern=f"^{NAME}$", max_length=63)]
Place = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,63}$", max_length=63)]
"""An area or an owner."""


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a login."""

    name: Annotated[str, Meta(max_length=63)]
    password: Annotated[str, Meta(max_length=_MOST_PASSWORD)]


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a new user. Empty `areas` or `owners`: all of them."""

    name: UserName
    role: Role
    areas: tuple[Place, ...] = ()
    owners: tuple[Place, ...] = ()


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a user; absent: as it is. `new_password`: true gives a generated one, once."""

    role: Role | Literal[""] = ""
    active: bool | None = None
    new_password: bool = False


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One's own password."""

    old: Annotated[str, Meta(max_length=_MOST_PASSWORD)]
    new: Annotated[str, Meta(min_length=LEAST_PASSWORD, max_length=_MOST_PASSWORD)]


_NONE = {404: "the page has no accounts"}


def add_people(app: FastAPI, access: Access, hub: Hub) -> None:
    """The operations of login, users and audit."""
    door = Door(access, hub)
    told = {204: "signed in", 401: "wrong name or password", 429: "too many attempts: wait", **_NONE}
    operation(app, access, "POST", "/api/session", "login", takes=Login, answers=told)(door.login)
    operation(app, access, "GET", "/enter/{link}", "enter", answers={303: "go to the page", **_NONE})(door.enter)
    operation(app, access, "DELETE", "/api/session", "logout", answers={204: "signed out"})(door.logout)
    operation(app, access, "GET", "/api/session", "who_am_i")(door.who_am_i)
    operation(app, access, "PUT", "/api/session/password", "change_password", takes=PasswordChange, answers=told)(door.change_password)
    operation(app, access, "GET", "/api/users", "users", answers=_NONE)(door.users)
    operation(app, access, "POST", "/api/users", "add_user", takes=NewUser, answers={409: "the name is taken", **_NONE})(door.add_user)
    operation(app, access, "PATCH", "/api/users/{name}", "change_user", takes=UserChange, answers={404: "there is no such user"})(
        door.change_user
    )
    operation(app, access, "GET", "/api/audit", "audit", answers=_NONE)(door.audit)


@dataclass(frozen=True, slots=True)
class Door:
    """Lets people in and out."""

    access: Access
    hub: Hub

    async def login(self, request: Request) -> Response:
        """Sign in; the session is a cookie."""
        asked = await body_of(request, Login)
        return await self.access.login(request, asked.name, asked.password)

    async def enter(self, link: str, request: Request) -> Response:
        """Use a single-use link up."""
        held = self._accounts().redeem(link, self.access.clock.now_ms())
        page = RedirectResponse("/", 303)
        return page if held is None else self.access.admit(request, page, held.name, "link_used")

    async def logout(self, request: Request) -> Response:
        """End this session and its streams."""
        person = person_of(request)
        if self.access.accounts is not None:
            self.access.accounts.end(person)
            self._note(person.name, "logout")
        gone = Response(status_code=204)
        gone.delete_cookie(COOKIE, path="/")
        return gone

    async def who_am_i(self, request: Request) -> Response:
        """The person who is signed in."""
        person = person_of(request)
        return answer(
            {
                "name": person.name, "role": person.role, "areas": sorted(person.areas), "owners": sorted(person.owners),
                "may_respond": person.may_respond(), "login": self.access.accounts is not None,
            }
        )  # fmt: skip

    async def change_password(self, request: Request) -> Response:
        """Change one's own password; every session of the name ends."""
        person, asked = person_of(request), await body_of(request, PasswordChange)
        checked = await self.access.login(request, person.name, asked.old)
        if checked.status_code != 204:
            return checked
        self._accounts().change(person.name, password=asked.new)
        self._note(person.name, "password_changed")
        return Response(status_code=204)

    async def users(self, request: Request) -> Response:
        """Everybody who has an account."""
        return answer({"users": list(self._accounts().users())})

    async def add_user(self, request: Request) -> Response:
        """A new user; the answer holds the generated password, once."""
        asked = await body_of(request, NewUser)
        if self._accounts().user(asked.name) is not None:
            return problem(409, "name_taken", f"there is a user {asked.name!r} already")
        try:
            password = self._accounts().add(asked.name, asked.role, asked.areas, asked.owners)
        except ConfigError as err:
            raise Rejected("bad_user", "; ".join(f"{p.key}: {p.found}, expected {p.expected}" for p in err.problems)) from err
        self._note(person_of(request).name, "user_added", user=asked.name, role=asked.role)
        return answer({"name": asked.name, "password": password})

    async def change_user(self, name: str, request: Request) -> Response:
        """Change role, activity or password; every session and token of the user ends."""
        asked = await body_of(request, UserChange)
        if self._accounts().user(name) is None:
            return problem(404, "unknown_user", f"there is no user {name[:63]!r}")
        password = self._accounts().change(name, role=asked.role, active=asked.active, new_password=asked.new_password)
        detail = {"user": name, "role": asked.role, "active": str(asked.active), "new_password": str(asked.new_password)}
        self._note(person_of(request).name, "user_changed", **detail)
        return answer({"name": name, "password": password})

    async def audit(
        self, request: Request, after: Annotated[int, Query(ge=0, le=2**53)] = 0, newest: Annotated[int, Query(ge=0, le=1_000)] = 0
    ) -> Response:
        """Lines of the audit log after `after`, at most 1,000, oldest first; or with `newest` so many of the last, newest first."""
        audit = self._accounts().audit
        return answer({"entries": audit.newest(newest) if newest else list(audit.entries(after, 1_000))})

    def _accounts(self) -> Accounts:
        if self.access.accounts is None:
            raise Refused(problem(404, "no_accounts", "this page has no accounts"))
        return self.access.accounts

    def _note(self, who: str, what: str, **detail: str) -> None:
        """Write it down, and end the streams of those whom it put out."""
        self._accounts().audit.write(self.access.clock.now_ms(), who, what, **detail)
        self.hub.end(self.access.is_over)
