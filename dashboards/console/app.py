"""The console's HTTP side: the page, the city, the state, the series, the live stream, and one write. `create_app` is the way in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from city_model.clock import Clock, WallClock
from city_model.faults import Rejected, Unavailable
from city_model.quantities import QUANTITIES
from city_model.registry import City
from dashboards.console.acknowledge import Acknowledge, Asked
from dashboards.console.follow import Follower
from dashboards.console.guard import LOOPBACK, Guard, why_not_ours
from dashboards.console.hub import MOST_VIEWERS, EventStream, Hub
from dashboards.console.sites import AIR_FRESH_MS, CAMERA_FRESH_MS, SLOW_BELOW_KMH
from dashboards.console.view import Changes, View
from stream_processor.logs.port import EventLog
from stream_processor.stores.port import SeriesStore

STATIC = Path(__file__).parent / "static"
_MOST_BUCKETS = 5_000
_MOST_BODY_BYTES = 4_096
_LONGEST_MS = 400 * 86_400_000


def create_app(
    event_log: EventLog, store: SeriesStore, city: City, clock: Clock | None = None, hosts: tuple[str, ...] = LOOPBACK, title: str = ""
) -> FastAPI:
    """The console over a log and a store that stay the caller's. `clock` is the one that drives the engine's ticks; `hosts` are the names
    it may be called by; `title` stands beside the city's name (a demo says that it is one)."""
    clock = clock or WallClock()
    view, hub = View(city, clock), Hub()
    follower = Follower(event_log, store, view, hub)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await follower.prepare()
        task = asyncio.create_task(follower.run(), name="console-follower")
        app.state.follower_task = task
        try:
            yield
        finally:
            hub.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    app = FastAPI(title="Saola console", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.hub, app.state.view, app.state.follower = hub, view, follower
    app.add_middleware(Guard, hosts=hosts)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(Rejected, _rejected)
    _state_routes(app, view, hub, follower, described(city, title))
    _series_routes(app, store)
    _write_routes(app, view, clock, Acknowledge(event_log, follower))
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return app


def _state_routes(app: FastAPI, view: View, hub: Hub, follower: Follower, registry: bytes) -> None:
    @app.get("/api/city")
    async def get_city() -> Response:
        return Response(registry, media_type="application/json")

    @app.get("/api/state")
    async def get_state() -> Response:
        return _json(view.snapshot())

    @app.get("/api/alarms")
    async def get_alarms() -> Response:
        return _json(view.shelf.ranked())

    @app.get("/healthz")
    async def healthz() -> Response:
        reasons = [view.log_fault] if view.log_fault else []
        reasons += [] if follower.ready.is_set() else ["the log is still being read"]
        reasons += ["the follower of the log has ended"] if app.state.follower_task.done() else []
        return _json({"ready": not reasons, "reasons": reasons, "viewers": len(hub.viewers)}, 503 if reasons else 200)

    @app.get("/api/stream")
    async def stream(request: Request) -> Response:
        if len(hub.viewers) >= MOST_VIEWERS:
            raise Unavailable(f"{MOST_VIEWERS} viewers are looking already")
        sites = view.sites()
        changes = Changes(view.clock_ms, view.link, sites, view.quality(sites))
        viewer = hub.join(request.headers.get("last-event-id", ""), view.snapshot(), changes)
        return EventStream(hub, viewer)


def _series_routes(app: FastAPI, store: SeriesStore) -> None:
    @app.get("/api/series")
    async def get_series(
        series: Annotated[str, Query(min_length=3, max_length=200)],
        start_ms: Annotated[int, Query(alias="from", ge=0)],
        stop_ms: Annotated[int, Query(alias="to", ge=0)],
        width_s: Annotated[int, Query(ge=0, le=86_400 * 31)] = 0,
    ) -> Response:
        """Columns: raw points (`width_s` 0) or rollups of whole minutes."""
        if not 0 < stop_ms - start_ms <= _LONGEST_MS:
            raise Rejected("bad_range", "`to` must be after `from`, by at most 400 days")
        if width_s == 0:
            at_ms, value = await asyncio.to_thread(store.raw, series, start_ms, stop_ms)
            return _json({"series": series, "width_s": 0, "at_ms": at_ms.tolist(), "value": value.tolist()})
        if (stop_ms - start_ms) / (width_s * 1000) > _MOST_BUCKETS:
            raise Rejected("bad_range", f"more than {_MOST_BUCKETS} buckets; choose a larger width_s")
        buckets = await asyncio.to_thread(store.rollup, series, start_ms, stop_ms, width_s * 1000)
        return _json(
            {
                "series": series, "width_s": width_s, "at_ms": [b.start_ms for b in buckets], "value": [b.mean for b in buckets],
                "min": [b.min for b in buckets], "max": [b.max for b in buckets], "count": [b.count for b in buckets],
            }
        )  # fmt: skip


def _write_routes(app: FastAPI, view: View, clock: Clock, acknowledge: Acknowledge) -> None:
    @app.post("/api/alarms/{alarm_id}/acknowledge")
    async def post_acknowledge(alarm_id: str, request: Request) -> Response:
        """200 done · 202 sent, no answer yet · 409 refused by the engine, with the reason."""
        if problem := why_not_ours(request.headers):
            return _problem(403, "not_ours", problem)
        if not _is_json(request.headers):
            return _problem(415, "not_json", "content-type must be application/json")
        alarm = view.shelf.get(alarm_id)
        if alarm is None:
            return _problem(404, "unknown_alarm", "there is no such alarm")
        asked = _asked(await _body(request))
        answer = await acknowledge.send(alarm, asked, view.clock_ms or clock.now_ms())
        if answer is None:
            return _json({"outcome": "sent"}, 202)
        outcome = {"outcome": answer.transition, "why": answer.why, "alarm": answer.alarm}
        return _json(outcome, 409 if answer.transition == "refused" else 200)


def described(city: City, title: str) -> bytes:
    """The registry as the page needs it: places and names, no agents, no owners."""
    quantities = {q.name: {"unit": q.unit, "vi": q.vi, "en": q.en} for q in QUANTITIES.values()}
    devices = [{"id": d.id, "site": d.site, "kind": d.kind, "directions": d.directions} for d in city.device if d.kind != "agent"]
    sites = [
        {"id": s.id, "area": s.area, "vi": s.vi, "en": s.en, "latitude": s.latitude, "longitude": s.longitude, "order": s.order}
        for s in city.site
    ]
    rules = {"camera_fresh_ms": CAMERA_FRESH_MS, "air_fresh_ms": AIR_FRESH_MS, "slow_below_kmh": SLOW_BELOW_KMH}
    return msgspec.json.encode(
        {
            "vi": city.name_vi, "en": city.name_en, "title": title, "timezone": city.timezone, "areas": city.area, "sites": sites,
            "devices": devices, "quantities": quantities, "rules": rules,
        }
    )  # fmt: skip


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY_BYTES:
            raise Rejected("too_large", f"the body is over {_MOST_BODY_BYTES} bytes")
    return body


def _asked(body: bytes) -> Asked:
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, RecursionError) as err:
        raise Rejected("malformed", str(err)) from err


def _is_json(headers: Headers) -> bool:
    return headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _problem(status: int, code: str, detail: str) -> Response:
    return _json({"code": code, "detail": detail}, status)


async def _unavailable(request: Request, err: Exception) -> Response:
    return _problem(503, "unavailable", str(err))


async def _rejected(request: Request, err: Exception) -> Response:
    assert isinstance(err, Rejected)
    return _problem(422, err.code, err.detail)
