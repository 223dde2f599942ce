"""Who is told what, `notify.toml`. Secrets stand in files of their own, mode 0600; the TOML names them.

[[channel]]
name = "duty"
kind = "bot"                     # webhook, email or bot
url = "https://api.telegram.org"
chat = "-1001234"
secret_file = "bot-token"
priorities = ["high"]

[[channel]]
name = "log-book"
kind = "webhook"
url = "https://example.org/hooks/saola"
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from city_model.faults import Unavailable
from city_model.settings import between, load, matching

Priority = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to tell somebody. `url`: where a webhook or bot is, or smtp://HOST:PORT or smtps://HOST:PORT. Empty `kinds`, `areas`: all.

    `sender`, `to`, `user` are of e-mail, `chat` of a bot. `secret_file`: a bot's token, a webhook's bearer token, the password of `user`.
    `reminders`: how often it is said again when an alarm escalates.
    """

    name: str = matching(r"[a-z0-9][a-z0-9-]{0,30}", "1 to 31 of a-z, 0-9 and '-'")
    kind: Literal["webhook", "email", "bot"] = matching(r"webhook|email|bot", "webhook, email or bot")
    url: str = matching(r"(https?|smtps?)://\S+", "http://, https://, smtp:// or smtps:// and a host")
    language: Literal["vi", "en"] = "vi"
    priorities: tuple[Priority, ...] = ("high", "medium")
    kinds: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    reminders: int = between(0, 2, default=2)
    ends: bool = False
    sender: str = ""
    to: tuple[str, ...] = ()
    chat: str = ""
    user: str = ""
    secret_file: Path | None = None

    def check(self) -> Iterator[tuple[str, str, str]]:
        """What each kind needs; secrets do not travel in the clear to other machines."""
        scheme, host = urlsplit(self.url).scheme, urlsplit(self.url).hostname or ""
        if (self.kind == "email") != scheme.startswith("smtp"):
            yield "url", self.url, "smtp(s):// for e-mail, http(s):// for the others"
        if self.kind == "email" and not (self.sender and self.to):
            yield "to", "missing", "`sender` and `to` of an e-mail"
        if self.kind == "bot" and not (self.chat and self.secret_file):
            yield "chat", "missing", "`chat` and `secret_file` of a bot"
        if scheme in ("http", "smtp") and self.secret_file is not None and not _is_loopback(host):
            yield "url", self.url, "https:// or smtps://: a secret goes with it"


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """The whole file. `tries_s`: how long a message is tried again before it is set aside."""

    channel: tuple[Channel, ...] = ()
    tries_s: float = between(0, 86_400, default=3600.0)
    path: Path | None = field(default=None, compare=False)

    def check(self) -> Iterator[tuple[str, str, str]]:
        """Names are unique, and there is somebody to tell."""
        names = [channel.name for channel in self.channel]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"channel.{name}", f"stands {names.count(name)} times", "each name once"
        if not names:
            yield "channel", "none", "at least one [[channel]]"


def load_notify(path: Path) -> NotifySettings:
    """Read and check the file and its secrets. Raises ConfigError with all problems, Unavailable for a secret that cannot be read."""
    settings = replace(load(NotifySettings, path), path=path)
    for channel in settings.channel:
        secret_of(channel, path.parent)
    return settings


def secret_of(channel: Channel, directory: Path) -> str:
    """The secret of a channel; empty when it has none. Raises Unavailable when the file cannot be read, or others may read it."""
    if channel.secret_file is None:
        return ""
    path = directory / channel.secret_file
    try:
        if path.stat().st_mode & 0o077:
            raise Unavailable(f"{path}: others may read it; chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    except OSError as err:
        raise Unavailable(f"{path}: {err.strerror}") from err


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
