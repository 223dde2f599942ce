"""Local users and what lets them in: passwords (argon2id), sessions, API tokens, and links that work once.

A ticket (session, token, link) is 256 random bits; only its SHA-256 is kept, so the file lets nobody in. Times are ms of the wall clock.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import argon2

from city_model.faults import ConfigError, Problem, Rejected
from dashboards.console.audit import Audit
from dashboards.console.desk_file import open_desk
from dashboards.console.people import ROLES, Person, Role

SESSION_MS = 12 * 3_600_000
"""A shift and the handover."""
LINK_MS = 10 * 60_000
TOKEN_MS = 365 * 86_400_000
LEAST_PASSWORD = 12
NAME = r"[a-z0-9][a-z0-9._-]{0,62}"
_HASHER = argon2.PasswordHasher()
_NOBODY = _HASHER.hash(secrets.token_urlsafe())
"""Verified against when there is no such user, so that both wrong answers take the same time."""

Kind = Literal["session", "token", "link"]


@dataclass(frozen=True, slots=True)
class User:
    """One row: without the hash."""

    name: str
    role: Role
    areas: tuple[str, ...]
    owners: tuple[str, ...]
    active: bool


class Accounts:
    """Opens or makes `console.db` in `directory`. Raises Unavailable."""

    def __init__(self, directory: Path) -> None:
        self._db = open_desk(directory / "console.db")
        self.audit = Audit(self._db, directory / "audit.head")

    def add(self, name: str, role: str, areas: Iterable[str] = (), owners: Iterable[str] = (), password: str = "") -> str:
        """A new user; gives the password (generated when none is given). Raises ConfigError with all problems."""
        problems = []
        if not re.fullmatch(NAME, name):
            problems.append(Problem("user", "name", repr(name[:63]), "1 to 63 of a-z, 0-9, '.', '_', '-'"))
        elif self.user(name) is not None:
            problems.append(Problem("user", "name", repr(name), "a name that is not taken"))
        if role not in ROLES:
            problems.append(Problem("user", "role", repr(role), "one of " + ", ".join(ROLES)))
        if password and len(password) < LEAST_PASSWORD:
            problems.append(Problem("user", "password", f"{len(password)} characters", f"at least {LEAST_PASSWORD}"))
        if problems:
            raise ConfigError(problems)
        password = password or secrets.token_urlsafe(15)
        row = (name, role, ",".join(sorted(areas)), ",".join(sorted(owners)), _HASHER.hash(password))
        self._db.execute("INSERT INTO user (name, role, areas, owners, hash) VALUES (?, ?, ?, ?, ?)", row)
        return password

    def user(self, name: str) -> User | None:
        return next((user for user in self.users() if user.name == name), None)

    def users(self) -> Iterator[User]:
        rows = self._db.execute("SELECT name, role, areas, owners, active FROM user ORDER BY name").fetchall()
        for name, role, areas, owners, active in rows:
            yield User(name, cast(Role, role), _list(areas), _list(owners), bool(active))

    def change(self, name: str, *, role: str = "", active: bool | None = None, password: str = "", new_password: bool = False) -> str:
        """Change a user and end every session and token of theirs; gives a generated password where one was asked for. Raises Rejected."""
        if self.user(name) is None:
            raise Rejected("unknown_user", f"there is no user {name[:63]!r}")
        if role and role not in ROLES:
            raise Rejected("unknown_role", f"{role[:30]!r}; expected one of {', '.join(ROLES)}")
        if password and len(password) < LEAST_PASSWORD:
            raise Rejected("short_password", f"{len(password)} characters; expected at least {LEAST_PASSWORD}")
        made = secrets.token_urlsafe(15) if new_password else ""
        if role:
            self._db.execute("UPDATE user SET role = ? WHERE name = ?", (role, name))
        if active is not None:
            self._db.execute("UPDATE user SET active = ? WHERE name = ?", (int(active), name))
        if made or password:
            self._db.execute("UPDATE user SET hash = ? WHERE name = ?", (_HASHER.hash(made or password), name))
        self._db.execute("DELETE FROM ticket WHERE name = ?", (name,))
        return made

    def hash_of(self, name: str) -> str:
        """The password hash of an active user, or one that no password has: both take as long to verify."""
        row = self._db.execute("SELECT hash FROM user WHERE name = ? AND active = 1", (name,)).fetchone()
        return str(row[0]) if row else _NOBODY

    def ticket(self, name: str, kind: Kind, now_ms: int, label: str = "", for_ms: int = 0) -> str:
        """A new session, API token or single-use link of `name`; its secret is given once. `for_ms`: other than the usual life."""
        secret = secrets.token_urlsafe(32)
        until_ms = now_ms + (for_ms or {"session": SESSION_MS, "token": TOKEN_MS, "link": LINK_MS}[kind])
        self._db.execute("DELETE FROM ticket WHERE until_ms <= ?", (now_ms,))
        row = (_digest(secret), name, kind, label, now_ms, until_ms)
        self._db.execute("INSERT INTO ticket (digest, name, kind, label, made_ms, until_ms) VALUES (?, ?, ?, ?, ?, ?)", row)
        return secret

    def holder(self, secret: str, kind: Kind, now_ms: int) -> Person | None:
        """Who holds this session or token; None when it is unknown, over, or the user's access was ended."""
        return self._person(_digest(secret), kind, now_ms)

    def still(self, person: Person, now_ms: int) -> bool:
        """Whether the ticket that `person` came with is still good."""
        digest = bytes.fromhex(person.session)
        return any(self._person(digest, kind, now_ms) == person for kind in ("session", "token"))

    def redeem(self, secret: str, now_ms: int) -> Person | None:
        """Use a link up: whoever is second gets None."""
        person = self.holder(secret, "link", now_ms)
        gone = self._db.execute("DELETE FROM ticket WHERE digest = ? AND kind = 'link'", (_digest(secret),)).rowcount
        return person if gone == 1 else None

    def end(self, person: Person) -> None:
        """End the session that `person` came with."""
        self._db.execute("DELETE FROM ticket WHERE digest = ?", (bytes.fromhex(person.session),))

    def revision(self) -> int:
        """Changes when another process has written to the file."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._db.close()

    def _person(self, digest: bytes, kind: str, now_ms: int) -> Person | None:
        row = self._db.execute(
            "SELECT user.name, role, areas, owners FROM ticket JOIN user USING (name) "
            "WHERE digest = ? AND kind = ? AND until_ms > ? AND active = 1",
            (digest, kind, now_ms),
        ).fetchone()
        if row is None:
            return None
        name, role, areas, owners = row
        return Person(name, cast(Role, role), frozenset(_list(areas)), frozenset(_list(owners)), digest.hex())


def is_password(hashed: str, password: str) -> bool:
    """Whether `password` has this argon2id hash: some 50 ms and 64 MiB, so call it in a thread, and few at a time."""
    try:
        return _HASHER.verify(hashed, password)
    except argon2.exceptions.VerificationError:
        return False


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)
