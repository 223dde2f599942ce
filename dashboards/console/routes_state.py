"""What people look at: the city, everything as it is now, the alarms, series, the live stream, health."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from city_model.faults import Rejected, Unavailable
from city_model.quantities import QUANTITIES
from city_model.registry import City
from dashboards.console.access import Access
from dashboards.console.follow import Follower
from dashboards.console.gate import answer, operation, person_of
from dashboards.console.hub import MOST_VIEWERS, EventStream, Hub, Viewer
from dashboards.console.people import Sight
from dashboards.console.sites import AIR_FRESH_MS, AQI_FRESH_MS, CAMERA_FRESH_MS, SLOW_BELOW_KMH
from dashboards.console.view import View
from stream_processor.stores.port import SeriesStore

_MOST_BUCKETS = 5_000
_LONGEST_MS = 400 * 86_400_000
_MOST_MS = 2**53


def add_state(app: FastAPI, access: Access, view: View, hub: Hub, follower: Follower, title: str) -> None:
    """The operations `city`, `state`, `alarms`, `health` and `stream`."""

    @operation(app, access, "GET", "/api/city", "city")
    async def city(request: Request) -> Response:
        """Areas, sites, devices and quantities that the signed-in person may see."""
        return answer(described(view.city, title, access.sight(person_of(request))))

    @operation(app, access, "GET", "/api/state", "state")
    async def state(request: Request) -> Response:
        """Every site and alarm as it is now, and how good the data are."""
        return answer(view.snapshot(access.sight(person_of(request))))

    @operation(app, access, "GET", "/api/alarms", "alarms")
    async def alarms(request: Request) -> Response:
        """Alarms in the order they need somebody."""
        return answer(view.shelf.ranked(access.sight(person_of(request))))

    @operation(app, access, "GET", "/healthz", "health", answers={503: "not ready, with the reasons"})
    async def health(request: Request) -> Response:
        """Whether the page can answer, and why not."""
        reasons = [view.log_fault] if view.log_fault else []
        reasons += [] if follower.ready.is_set() else ["the log is still being read"]
        reasons += ["the follower of the log has ended"] if app.state.follower_task.done() else []
        return answer({"ready": not reasons, "reasons": reasons, "viewers": len(hub.viewers)}, 503 if reasons else 200)

    @operation(app, access, "GET", "/api/stream", "stream", answers={503: "too many viewers"})
    async def stream(request: Request) -> Response:
        """Server-sent events: a snapshot, or what was missed since `Last-Event-ID`, and then everything as it happens."""
        if len(hub.viewers) >= MOST_VIEWERS:
            raise Unavailable(f"{MOST_VIEWERS} viewers are looking already")
        person = person_of(request)
        sight = access.sight(person)
        viewer = Viewer(person, sight)
        hub.join(viewer, request.headers.get("last-event-id", ""), view.snapshot(sight), view.changes(sight))
        return EventStream(hub, viewer)


def add_series(app: FastAPI, access: Access, store: SeriesStore, city: City) -> None:
    """The operation `series`."""

    @operation(app, access, "GET", "/api/series", "series", answers={503: "the store is down"})
    async def series(
        request: Request,
        series: Annotated[str, Query(min_length=3, max_length=200)],
        start_ms: Annotated[int, Query(alias="from", ge=0, le=_MOST_MS)],
        stop_ms: Annotated[int, Query(alias="to", ge=0, le=_MOST_MS)],
        width_s: Annotated[int, Query(ge=0, le=86_400 * 31)] = 0,
    ) -> Response:
        """Columns: raw points (`width_s` 0) or rollups of whole minutes. A series of a place that is not seen is empty.

        `marked_ms` and `flags` name the raw points that have a flag: 1 came late, 2 was made anew because something came late, 4 is of a
        sick sensor, 8 was measured in fog.
        """
        if not 0 < stop_ms - start_ms <= _LONGEST_MS:
            raise Rejected("bad_range", "`to` must be after `from`, by at most 400 days")
        device = city.devices.get(series.partition("/")[0])
        is_seen = device is None or device.site in access.sight(person_of(request)).sites
        if width_s == 0:
            at_ms, value = await asyncio.to_thread(store.raw, series, start_ms, stop_ms if is_seen else start_ms)
            marked_ms, flags = await asyncio.to_thread(store.marked, series, start_ms, stop_ms if is_seen else start_ms)
            marks = {"marked_ms": marked_ms.tolist(), "flags": flags.tolist()}
            return answer({"series": series, "width_s": 0, "at_ms": at_ms.tolist(), "value": value.tolist(), **marks})
        if (stop_ms - start_ms) / (width_s * 1000) > _MOST_BUCKETS:
            raise Rejected("bad_range", f"more than {_MOST_BUCKETS} buckets; choose a larger width_s")
        if width_s % 60:
            raise Rejected("bad_width", f"{width_s} s is not a whole number of minutes")
        buckets = await asyncio.to_thread(store.rollup, series, start_ms, stop_ms, width_s * 1000) if is_seen else []
        marked_ms, flags = await asyncio.to_thread(store.marked, series, start_ms, stop_ms if is_seen else start_ms)
        return answer(
            {
                "series": series, "width_s": width_s, "at_ms": [b.start_ms for b in buckets], "value": [b.mean for b in buckets],
                "min": [b.min for b in buckets], "max": [b.max for b in buckets], "count": [b.count for b in buckets],
                "marked_ms": marked_ms.tolist(), "flags": flags.tolist(),
            }
        )  # fmt: skip


def described(city: City, title: str, sight: Sight) -> dict[str, object]:
    """The registry as the page needs it: places and names that `sight` sees, no agents, no owners."""
    quantities = {q.name: {"unit": q.unit, "vi": q.vi, "en": q.en} for q in QUANTITIES.values()}
    seen = [site for site in city.site if site.id in sight.sites]
    areas = {site.area for site in seen}
    devices = [
        {"id": d.id, "site": d.site, "kind": d.kind, "directions": d.directions, "correction": d.correction}
        for d in city.device
        if d.kind != "agent" and d.site in sight.sites
    ]
    sites = [
        {"id": s.id, "area": s.area, "vi": s.vi, "en": s.en, "latitude": s.latitude, "longitude": s.longitude, "order": s.order}
        for s in seen
    ]
    rules = {
        "camera_fresh_ms": CAMERA_FRESH_MS,
        "air_fresh_ms": AIR_FRESH_MS,
        "aqi_fresh_ms": AQI_FRESH_MS,
        "slow_below_kmh": SLOW_BELOW_KMH,
    }
    return {
        "vi": city.name_vi, "en": city.name_en, "title": title, "timezone": city.timezone,
        "areas": [area for area in city.area if area.id in areas], "sites": sites,
        "devices": devices, "quantities": quantities, "rules": rules,
    }  # fmt: skip
