"""What anybody may know without a login: the air of every station and the state of the roads. No devices, no alarms, no names of people."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from dashboards.console.access import Access
from dashboards.console.gate import operation
from dashboards.console.sites import POLLUTANTS, ROAD_KINDS, DeviceNow, SiteNow
from dashboards.console.view import View

KEEP_S = 5.0
"""One answer serves everybody for so long: however many ask, the work is done once."""


class PublicPlace(msgspec.Struct, frozen=True):
    """A place with its names. `state` of a road: jam, slow, free, unknown. `band` of the air is 1-6, 0 unknown; `index` is the VN_AQI where
    it is known; `pm25` in µg/m³; `at_ms` is the newest figure's time."""

    vi: str
    en: str
    state: str
    at_ms: int | None
    band: int = 0
    index: int | None = None
    driver: str = ""
    pm25: float | None = None


class PublicRoad(msgspec.Struct, frozen=True):
    """A corridor and its places in order."""

    vi: str
    en: str
    places: tuple[PublicPlace, ...]


class PublicState(msgspec.Struct, frozen=True):
    """The feed. `link` is `ok` when the figures are live; otherwise every state is unknown."""

    vi: str
    en: str
    timezone: str
    at_ms: int | None
    link: str
    air: tuple[PublicPlace, ...]
    roads: tuple[PublicRoad, ...]


@dataclass(slots=True)
class PublicFeed:
    """The newest answer, made at most once in `KEEP_S`."""

    view: View
    elapsed_s: Callable[[], float] = time.monotonic
    _made_s: float = -KEEP_S
    _body: bytes = field(default=b"", repr=False)

    def body(self) -> bytes:
        if self.elapsed_s() - self._made_s >= KEEP_S:
            self._made_s, self._body = self.elapsed_s(), msgspec.json.encode(public_state(self.view))
        return self._body


def add_public(app: FastAPI, access: Access, view: View) -> None:
    """The operation `public_state`."""
    feed = PublicFeed(view)

    @operation(app, access, "GET", "/api/public", "public_state")
    async def public(request: Request) -> Response:
        """Air and road state for citizens, without a login; at most 5 seconds old."""
        return Response(feed.body(), media_type="application/json", headers={"cache-control": f"public, max-age={KEEP_S:.0f}"})


def public_state(view: View) -> PublicState:
    """Everything the public page shows."""
    city, sites = view.city, view.sites()
    roads = []
    for area in city.area:
        mine = sorted((s for s in city.site if s.area == area.id and sites[s.id].road is not None), key=lambda s: s.order)
        if mine:
            roads.append(PublicRoad(area.vi, area.en, tuple(_road(s.vi, s.en, sites[s.id]) for s in mine)))
    air = [_air(s.vi, s.en, device) for s in city.site for device in sites[s.id].devices if device.kind == "air"]
    air.sort(key=lambda place: (-place.band, -(place.index or 0)))
    return PublicState(city.name_vi, city.name_en, city.timezone, view.clock_ms, view.link, tuple(air), tuple(roads))


def _road(vi: str, en: str, site: SiteNow) -> PublicPlace:
    seen = [device.at_ms for device in site.devices if device.kind in ROAD_KINDS and device.at_ms is not None]
    return PublicPlace(vi, en, site.road or "unknown", max(seen, default=None))


def _air(vi: str, en: str, device: DeviceNow) -> PublicPlace:
    pm25, _ = device.values.get("pm25", (None, 0))
    if device.band == 0:
        return PublicPlace(vi, en, "unknown", device.at_ms)
    state = "ok" if device.state == "alarm" else device.state
    if not device.by_index:
        return PublicPlace(vi, en, state, device.at_ms, device.band, pm25=pm25)
    driver = int(device.values.get("vn_aqi_dominant", (-1.0, 0))[0])
    named = POLLUTANTS[driver] if 0 <= driver < len(POLLUTANTS) else ""
    return PublicPlace(vi, en, state, device.at_ms, device.band, round(device.values["vn_aqi"][0]), named, pm25)
