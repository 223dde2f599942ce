"""Answers that say what was wrong: RFC 9457 problem details. `code` is for programs and for the sentence of our own page."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from city_model.faults import Rejected, Unavailable


def problem(status: int, code: str, detail: str, **more: object) -> Response:
    """A problem: `status` and its title, `code`, and a sentence in English."""
    body = {
        "type": f"urn:saola:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


async def unavailable(request: Request, err: Exception) -> Response:
    """The log or the store cannot be reached: try again."""
    assert isinstance(err, Unavailable)
    return problem(503, "unavailable", str(err))


async def rejected(request: Request, err: Exception) -> Response:
    """The request will never be good."""
    assert isinstance(err, Rejected)
    return problem(422, err.code, err.detail)
