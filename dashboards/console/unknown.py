"""What no operation of the API answers: 405 with the methods that the path knows, else 404; never a file of the page."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match, Mount
from starlette.types import Receive, Scope, Send

from dashboards.console.problems import problem


def add_unknown(app: FastAPI) -> None:
    """Answer for `/api` whatever the operations declared so far do not. Declare it after them."""
    routes = [route for route in app.routes if isinstance(route, APIRoute)]

    async def unknown(scope: Scope, receive: Receive, send: Send) -> None:
        outer = {**scope, "root_path": scope.get("app_root_path", "")}
        known = sorted({method for route in routes if route.matches(outer)[0] is not Match.NONE for method in route.methods or ()})
        if known:
            answer = problem(405, "method_not_allowed", f"{scope['method']} is not among the methods of this path: {', '.join(known)}")
            answer.headers["allow"] = ", ".join(known)
        else:
            answer = problem(404, "unknown_path", "the API has nothing at this path; see /api/openapi.json")
        await answer(scope, receive, send)

    app.router.routes.append(Mount("/api", app=unknown))
