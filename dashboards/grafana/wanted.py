"""What a Grafana should have of ours: a data source that only reads, a folder per language with its boards, and rules about the platform.

Everything goes by uid. A mark, a hash of what we published, tells ours from what somebody changed by hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from city_model.faults import ConfigError, Problem
from stream_processor.stores.influx_file import InfluxFile

Json = dict[str, Any]
Language = Literal["vi", "en"]
SOURCE_UID = "saola-influx"
SOURCE_NAME = "Saola InfluxDB"
_MARK_LETTERS = 16
_MESSAGE = "saola "


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder by uid; its title is only given when it is made."""

    uid: str
    title: str


FOLDERS: Mapping[Language, Folder] = {"vi": Folder("saola-vi", "Saola (tiếng Việt)"), "en": Folder("saola-en", "Saola (English)")}
HEALTH = Folder("saola-health", "Saola: nền tảng (platform)")


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard as published into its folder."""

    uid: str
    folder: Folder
    model: Json

    @property
    def title(self) -> str:
        return f"{self.model.get('title', self.uid)} ({self.folder.uid})"

    @property
    def message(self) -> str:
        """What its version is called in Grafana's history."""
        return _MESSAGE + mark(published(self.model))


@dataclass(frozen=True, slots=True)
class Wanted:
    """All of it. `secret` goes beside `source` and never comes back."""

    source: Json
    secret: Json
    folders: tuple[Folder, ...]
    boards: tuple[Board, ...]
    rules: tuple[Json, ...]


def published(model: Json) -> Json:
    """A dashboard without what Grafana numbers by itself."""
    return {key: value for key, value in model.items() if key not in ("id", "version")}


def mark(content: object) -> str:
    """16 hexadecimal digits of the SHA-256 of canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_MARK_LETTERS]


def is_ours(message: str) -> bool:
    """Whether a version's message is one that `publish` writes; a restored or edited version has another."""
    digits = message.removeprefix(_MESSAGE)
    return message.startswith(_MESSAGE) and len(digits) == _MARK_LETTERS and set(digits) <= set("0123456789abcdef")


def boards_of(rendered: Mapping[Language, Mapping[str, Json]]) -> tuple[Board, ...]:
    """Rendered dashboards in their language's folder. Raises ConfigError when two have one uid."""
    boards = tuple(Board(uid, FOLDERS[language], model) for language, models in rendered.items() for uid, model in models.items())
    uids = [board.uid for board in boards]
    twice = sorted({uid for uid in uids if uids.count(uid) > 1})
    if twice:
        raise ConfigError([Problem("boards", uid, "is the uid of two boards", "a uid of its own in each language") for uid in twice])
    return boards


def source_of(influx: InfluxFile, url: str = "") -> tuple[Json, Json]:
    """The data source and its secrets; `url` is InfluxDB as Grafana reaches it, when that differs."""
    details: Json = {"version": "Flux", "organization": influx.organisation, "defaultBucket": influx.bucket, "httpMode": "POST"}
    secret = {"token": influx.token}
    if influx.ca_file:
        details["tlsAuthWithCACert"] = True
        secret["tlsCACert"] = Path(influx.ca_file).read_text(encoding="ascii")
    source: Json = {
        "uid": SOURCE_UID, "name": SOURCE_NAME, "type": "influxdb", "access": "proxy", "url": (url or influx.url).rstrip("/"),
        "basicAuth": False, "isDefault": False, "jsonData": details,
    }  # fmt: skip
    details["saola"] = source_mark(source, details) + mark(secret)
    return source, secret


def source_mark(source: Json, keys: Iterable[str]) -> str:
    """The mark of what can be seen of a data source: its address and those details."""
    details = source.get("jsonData") or {}
    return mark([source.get("type"), source.get("access"), source.get("url"), {k: details.get(k) for k in keys if k != "saola"}])


def rule_mark(rule: Json) -> str:
    """The mark of what a rule asks and does. Words and everything Grafana adds are left out; a rule paused by hand has another."""
    keys = ("query", "expression", "type", "conditions")
    data = [(one, one.get("model") or {}) for one in rule.get("data") or []]
    asked = [(one.get("refId"), one.get("datasourceUid"), {k: model.get(k) for k in keys}) for one, model in data]
    return mark([rule.get("title"), rule.get("condition"), bool(rule.get("isPaused")), rule.get("folderUID"), rule.get("ruleGroup"), asked])
