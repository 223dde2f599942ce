"""The one registry, `city.toml`: areas, sites and devices. Broker, bridge, core, console and simulators read it.

An *area* is a fixed, non-administrative group of sites whose events may be judged together: a corridor, an airshed,
a gateway's devices. It is the unit of order and of scale. An *agent* is itself a device: it holds the connection,
and the devices it carries name it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from city_model.quantities import READINGS, readings_of
from city_model.settings import between, load, matching

_ID = r"[a-z0-9][a-z0-9-]{0,62}"
_ID_MEANING = "1 to 63 of a-z, 0-9 and '-', starting with a letter or digit"


@dataclass(frozen=True, slots=True)
class Area:
    """A group of sites judged together."""

    id: str = matching(_ID, _ID_MEANING)
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A place with a name and a position (WGS 84). `order` is its place along its corridor, upstream first."""

    id: str = matching(_ID, _ID_MEANING)
    area: str = matching(_ID, _ID_MEANING)
    vi: str = matching(r".{1,120}", "1 to 120 characters")
    en: str = matching(r".{1,120}", "1 to 120 characters")
    latitude: float = between(-90, 90)
    longitude: float = between(-180, 180)
    owner: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of travel a camera watches: `id` is what samples say, the names are for people."""

    id: str = matching(_ID, _ID_MEANING)
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """A thing that publishes. `agent` names the agent device that carries it (empty: it connects itself).

    A `loop` is whatever counts a road without a picture: an inductive loop, a radar. `correction` is the model, with its version, that
    corrects the PM2.5 of a low-cost optical counter, such as "kappa_koehler/1" (empty: none, as for a reference instrument).
    """

    id: str = matching(_ID, _ID_MEANING)
    site: str = matching(_ID, _ID_MEANING)
    kind: Literal["camera", "air", "loop", "agent"] = "air"
    agent: str = ""
    quantities: tuple[str, ...] = ()
    directions: tuple[Direction, ...] = ()
    correction: str = matching(r"([a-z][a-z0-9_]{0,40}/[a-z0-9.]{1,20})?", "a model and its version, such as kappa_koehler/1", default="")


@dataclass(frozen=True)
class City:
    """The registry. Lookups are by id; `area_of` gives a device's area."""

    name_vi: str
    name_en: str
    timezone: str = "Asia/Ho_Chi_Minh"
    area: tuple[Area, ...] = ()
    site: tuple[Site, ...] = ()
    device: tuple[Device, ...] = ()
    path: Path | None = field(default=None, compare=False)

    @cached_property
    def areas(self) -> dict[str, Area]:
        return {a.id: a for a in self.area}

    @cached_property
    def sites(self) -> dict[str, Site]:
        return {s.id: s for s in self.site}

    @cached_property
    def devices(self) -> dict[str, Device]:
        return {d.id: d for d in self.device}

    def site_of(self, device: str) -> Site:
        """Raises KeyError for an unknown device."""
        return self.sites[self.devices[device].site]

    def area_of(self, device: str) -> str:
        """Raises KeyError for an unknown device."""
        return self.site_of(device).area

    def carried_by(self, agent: str) -> tuple[Device, ...]:
        """The devices whose data `agent` may publish: itself first."""
        return (self.devices[agent], *(d for d in self.device if d.agent == agent))

    def check(self) -> Iterable[tuple[str, str, str]]:
        """What a single field cannot know: double ids, dangling references, unknown quantities, the time zone."""
        for kind, rows in (("area", self.area), ("site", self.site), ("device", self.device)):
            for name, times in Counter(row.id for row in rows).items():
                if times > 1:
                    yield f"{kind}.{name}", f"stands {times} times", "each id once"
        for site in self.site:
            if site.area not in self.areas:
                yield f"site.{site.id}.area", repr(site.area), "the id of an [[area]]"
        for device in self.device:
            yield from self._check_device(device)
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            yield "timezone", repr(self.timezone), "an IANA time zone such as Asia/Ho_Chi_Minh"

    def _check_device(self, device: Device) -> Iterable[tuple[str, str, str]]:
        key = f"device.{device.id}"
        if device.site not in self.sites:
            yield f"{key}.site", repr(device.site), "the id of a [[site]]"
        if device.agent and self.devices.get(device.agent, device).kind != "agent":
            yield f"{key}.agent", repr(device.agent), "the id of a [[device]] of kind 'agent'"
        if unknown := sorted(set(device.quantities) - READINGS):
            yield f"{key}.quantities", ", ".join(unknown), "some of " + ", ".join(sorted(READINGS))
        elif foreign := sorted(set(device.quantities) - readings_of(device.kind)):
            yield f"{key}.quantities", f"{', '.join(foreign)} of a device of kind {device.kind!r}", "kind 'loop' for what a road loop says"
        if device.correction and device.kind != "air":
            yield f"{key}.correction", f"{device.correction!r} of a device of kind {device.kind!r}", "a device of kind 'air'"
        if device.kind == "camera" and not device.directions:
            yield f"{key}.directions", "empty", "at least one direction for a camera"


def load_city(path: Path) -> City:
    """Read and check `city.toml`. Raises ConfigError with all problems."""
    return load(City, path)
