"""`site.toml`: what one agent is, which broker it speaks to, and its cameras and stations. All problems are told at once.

[agent]
id = "agent-1"                     # its own device id, MQTT client id and user
site = "nga-tu-so"
outbox = "outbox"                  # a directory; relative paths are relative to this file
city = "city.toml"                 # optional: ids are checked against the registry, and sites come from it
sites = { cam-2 = "pho-hue" }      # sites of devices that stand elsewhere, without a registry
budget_mib = 512
budget_hours = 72.0

[mqtt]
url = "mqtts://broker.example:8883"
credentials = "agent-1.toml"       # mode 0600
plaintext = "loopback"             # or "trusted_network"

[[camera]]
device = "cam-1"
url = "rtsp://user:secret@10.0.0.5/stream1"    # or file = "clip.mp4" (loop = true), or index = 0; with a secret this file is mode 0600
geometry = "cam-1.toml"            # left out: the whole picture is road
send = "samples"                   # or "frames": small masked JPEGs, measured in the centre
sample_every_s = 5.0

[[air]]
device = "air-1"
csv = "station.csv.gz"
map = "station-map.toml"           # left out: well-known column names
timezone = "Asia/Ho_Chi_Minh"      # of times without an offset, without a map
redate = "last_row_now"            # or "as_recorded", or the recording's moment that is now: "2016-12-01T08:00:00+08:00"
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from city_model.codec.cloudevents import parse_rfc3339
from city_model.faults import ConfigError, Problem, Rejected
from city_model.quantities import READINGS
from city_model.registry import City, load_city
from city_model.settings import between, from_table, matching, read_toml
from city_model.transport.credentials import load_credentials
from city_model.transport.open import parse_address
from edge_agent.outbox import Budget
from edge_agent.settings import AgentSettings
from edge_agent.sources.air_map import load_map
from edge_agent.sources.camera import CameraSettings

_ID, _ID_MEANING = r"[a-z0-9][a-z0-9-]{0,62}", "1 to 63 of a-z, 0-9 and '-', starting with a letter or digit"
_PATHS = {"agent": ("city", "outbox"), "mqtt": ("credentials",), "camera": ("file", "geometry"), "air": ("csv", "map")}
_KINDS = {"camera": ("camera",), "air": ("air", "loop")}
"""What [[air]] plays are readings: a loop's too."""
AS_RECORDED, LAST_ROW_NOW = "as_recorded", "last_row_now"

_Check = Iterable[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class AgentPart:
    """[agent]"""

    outbox: Path
    id: str = matching(_ID, _ID_MEANING)
    site: str = matching(_ID, _ID_MEANING)
    city: Path | None = None
    sites: dict[str, str] = field(default_factory=dict)
    budget_mib: int = between(64, 1_000_000, default=512)
    budget_hours: float = between(0.1, 10_000, default=72.0)
    batch_items: int = between(1, 10_000, default=256)
    batch_wait_s: float = between(0.0, 60.0, default=0.2)
    resend_after_s: float = between(1.0, 3600.0, default=30.0)

    def check(self) -> _Check:
        if self.city is not None:
            yield from _nested("city", lambda: load_city(self.city or Path()))


@dataclass(frozen=True, slots=True)
class MqttPart:
    """[mqtt]"""

    url: str = "mqtt://127.0.0.1:1883"
    credentials: Path | None = None
    plaintext: Literal["loopback", "trusted_network"] = "loopback"

    def check(self) -> _Check:
        yield from _nested("url", lambda: parse_address(self.url, allow_plaintext=self.plaintext == "trusted_network"))
        if self.credentials is not None:
            yield from _nested("credentials", lambda: load_credentials(self.credentials or Path()))


@dataclass(frozen=True, slots=True)
class AirPart:
    """[[air]]"""

    csv: Path
    device: str = matching(_ID, _ID_MEANING)
    map: Path | None = None
    timezone: str = "Asia/Ho_Chi_Minh"
    redate: str = AS_RECORDED
    quantities: tuple[str, ...] = ()

    def check(self) -> _Check:
        if not self.csv.is_file():
            yield "csv", f"{self.csv} is not there", "a .csv or .csv.gz file"
        yield from _nested("map", lambda: load_map(self.map, self.timezone))
        if unknown := sorted(set(self.quantities) - READINGS):
            yield "quantities", ", ".join(unknown), "some of " + ", ".join(sorted(READINGS))
        if self.redate not in {AS_RECORDED, LAST_ROW_NOW}:
            try:
                parse_rfc3339(self.redate)
            except Rejected:
                yield "redate", repr(self.redate), f"{AS_RECORDED!r}, {LAST_ROW_NOW!r}, or a time such as 2016-12-01T08:00:00+08:00"


@dataclass(frozen=True, slots=True)
class Site:
    """The whole file."""

    agent: AgentPart
    mqtt: MqttPart = field(default_factory=MqttPart)
    camera: tuple[CameraSettings, ...] = ()
    air: tuple[AirPart, ...] = ()

    def agent_settings(self) -> AgentSettings:
        """What the agent itself needs."""
        part = self.agent
        sites = dict(part.sites)
        if part.city is not None:
            city = load_city(part.city)
            sites = {device.id: device.site for device in city.carried_by(part.id)}
        budget = Budget(total_bytes=part.budget_mib * 1024 * 1024, hours=part.budget_hours)
        return AgentSettings(
            part.id, part.site, part.outbox, sites, budget,
            batch_items=part.batch_items, batch_wait_s=part.batch_wait_s, resend_after_s=part.resend_after_s,
        )  # fmt: skip


def load_site(path: Path) -> Site:
    """Read and check `site.toml`. Raises ConfigError with all problems; opens no connection."""
    table = _with_paths(read_toml(path), path.parent)
    problems = list(_across(table, path))
    try:
        site = from_table(Site, table, str(path))
    except ConfigError as err:
        raise ConfigError([*err.problems, *problems]) from None
    if problems:
        raise ConfigError(problems)
    return site


def _with_paths(table: dict[str, Any], directory: Path) -> dict[str, Any]:
    """`table` with paths relative to the file made whole."""

    def whole(part: object, keys: tuple[str, ...]) -> object:
        if not isinstance(part, dict):
            return part
        return {key: str(directory / value) if key in keys and isinstance(value, str) else value for key, value in part.items()}

    return {
        name: [whole(one, _PATHS.get(name, ())) for one in part] if isinstance(part, list) else whole(part, _PATHS.get(name, ()))
        for name, part in table.items()
    }


def _across(table: dict[str, Any], path: Path) -> Iterator[Problem]:
    """What no single table can know: told beside its other problems, so read from what was written."""
    devices = [(f"{kind}[{i}]", kind, one) for kind in ("camera", "air") for i, one in enumerate(_list(table, kind))]
    if not devices:
        yield Problem(str(path), "camera", "no [[camera]] and no [[air]]", "at least one")
    for name, times in Counter(str(one.get("device")) for _, _, one in devices if "device" in one).items():
        if times > 1:
            yield Problem(str(path), name, f"stands {times} times", "each device once")
    readable = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    for key, _, one in devices:
        if readable and _has_password(one.get("url")):
            yield Problem(str(path), f"{key}.url", "a password in a file that others may read", f"mode 0600: chmod 600 {path}")
    yield from _against_registry(table, path, devices)


def _against_registry(table: dict[str, Any], path: Path, devices: list[tuple[str, str, dict[str, Any]]]) -> Iterator[Problem]:
    agent = table.get("agent")
    city = _city(agent.get("city")) if isinstance(agent, dict) else None
    if city is None or not isinstance(agent, dict):
        return
    known = city.devices.get(str(agent.get("id")))
    if known is None or known.kind != "agent":
        yield Problem(str(path), "agent.id", repr(agent.get("id")), "the id of a [[device]] of kind 'agent' in the registry")
    elif known.site != agent.get("site"):
        yield Problem(str(path), "agent.site", repr(agent.get("site")), f"{known.site!r}, where the registry has it")
    for key, kind, one in devices:
        device = city.devices.get(str(one.get("device")))
        if device is None or device.kind not in _KINDS[kind]:
            kinds = " or ".join(map(repr, _KINDS[kind]))
            yield Problem(str(path), f"{key}.device", repr(one.get("device")), f"the id of a [[device]] of kind {kinds} in the registry")
        elif device.agent != agent.get("id"):
            yield Problem(
                str(path), f"{key}.device", f"carried by {device.agent or 'no agent'}", f"a device whose agent is {agent.get('id')}"
            )


def _city(path: object) -> City | None:
    try:
        return load_city(Path(path)) if isinstance(path, str) else None
    except ConfigError:
        return None  # told by AgentPart


def _list(table: dict[str, Any], name: str) -> list[dict[str, Any]]:
    part = table.get(name)
    return [one for one in part if isinstance(one, dict)] if isinstance(part, list) else []


def _has_password(url: object) -> bool:
    try:
        return isinstance(url, str) and urlsplit(url).password is not None
    except ValueError:
        return False


def _nested(key: str, load: Callable[[], object]) -> _Check:
    """The problems of another file, told under `key`."""
    try:
        load()
    except ConfigError as err:
        for problem in err.problems:
            where = "" if problem.file == "mqtt" else f"{problem.file}: {problem.key}: "
            yield key, where + problem.found, problem.expected
