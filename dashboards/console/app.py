"""The console's HTTP side. `create_app` is the way in; the operations stand in `routes_*`, who may use them in `access`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from city_model import __version__
from city_model.clock import Clock, WallClock
from city_model.faults import Rejected, Unavailable
from city_model.registry import City
from dashboards.console.access import Access
from dashboards.console.commands import Commands
from dashboards.console.follow import Follower
from dashboards.console.gate import Refused
from dashboards.console.ground import Ground
from dashboards.console.guard import LOOPBACK, Guard
from dashboards.console.hub import Hub
from dashboards.console.problems import problem, rejected, unavailable
from dashboards.console.routes_act import add_acts
from dashboards.console.routes_boards import add_boards
from dashboards.console.routes_devices import add_devices
from dashboards.console.routes_map import add_map
from dashboards.console.routes_past import add_past
from dashboards.console.routes_people import add_people
from dashboards.console.routes_public import add_public
from dashboards.console.routes_state import add_series, add_state
from dashboards.console.unknown import add_unknown
from dashboards.console.view import View
from stream_processor.logs.port import EventLog
from stream_processor.stores.port import SeriesStore

STATIC = Path(__file__).parent / "static"


def create_app(
    event_log: EventLog, store: SeriesStore, city: City, clock: Clock | None = None, hosts: tuple[str, ...] = LOOPBACK, title: str = "",
    access: Access | None = None, ground: Ground | None = None,
) -> FastAPI:  # fmt: skip
    """The console over a log and a store that stay the caller's. `clock` is the one that drives the engine's ticks; `hosts` are the names
    it may be called by; `title` stands beside the city's name (a demo says that it is one). Without `access` there is no login: for a
    program that embeds the page on loopback. `ground`: what lies under the map.
    """
    clock, access, ground = clock or WallClock(), access or Access.open(city), ground or Ground()
    view, hub = View(city, clock), Hub()
    follower = Follower(event_log, store, view, hub, access.is_over)

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

    app = FastAPI(
        title="Saola console", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    app.state.hub, app.state.view, app.state.follower, app.state.access = hub, view, follower, access
    app.add_middleware(Guard, hosts=hosts, pictures_from=ground.origin)
    _add_problems(app)
    add_state(app, access, view, hub, follower, title)
    add_series(app, access, store, city)
    add_acts(app, access, view, Commands(event_log, follower), clock)
    add_past(app, access, view, store, clock)
    add_devices(app, access, view)
    add_public(app, access, view)
    add_people(app, access, hub)
    add_boards(app, access, store, view, clock)
    _add_rest(app, access, ground)
    return app


def _add_rest(app: FastAPI, access: Access, ground: Ground) -> None:
    """The ground of the map; and what is no operation: an unknown path of the API, else a file of the page."""
    add_map(app, access, ground)
    add_unknown(app)
    app.mount("/", StaticFiles(directory=STATIC, html=True))


def _add_problems(app: FastAPI) -> None:
    app.add_exception_handler(Unavailable, unavailable)
    app.add_exception_handler(Rejected, rejected)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _refused(request: Request, err: Exception) -> Response:
    assert isinstance(err, Refused)
    return err.answer


async def _invalid(request: Request, err: Exception) -> Response:
    assert isinstance(err, RequestValidationError)
    first = err.errors()[0]
    return problem(422, "invalid", f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")


async def _http(request: Request, err: Exception) -> Response:
    assert isinstance(err, HTTPException)
    answer = problem(err.status_code, "http", str(err.detail))
    answer.headers.update(err.headers or {})
    return answer
