"""How an operation of the API is declared: with a name that the table of roles knows, and what it takes and answers, for the OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from city_model.faults import Rejected
from dashboards.console.access import ANYBODY, OPERATIONS, Access
from dashboards.console.people import Person
from dashboards.console.problems import problem

MOST_BODY_BYTES = 16_384
T = TypeVar("T")
_Route = Callable[..., Any]


class Refused(Exception):
    """Carries the answer to somebody who may not."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def operation(
    app: FastAPI,
    access: Access,
    method: str,
    path: str,
    name: str,
    *,
    takes: type | None = None,
    answers: dict[int, str] | None = None,
    media: tuple[str, ...] = ("application/json",),
) -> Callable[[_Route], _Route]:
    """Declare a route. `takes` is the msgspec type of its JSON body; `answers` describes statuses besides the usual ones;
    `media`: what a good answer comes as.
    """

    async def gate(request: Request) -> None:
        if (refusal := access.why_not(request, name)) is not None:
            raise Refused(refusal)

    told = {200: "done"} | (answers or {})
    told |= {422: "what was sent cannot be used"}
    if OPERATIONS.get(name) != ANYBODY:
        told |= {401: "nobody is signed in", 403: "not for this role, or not from this page"}
    if method != "GET":
        told |= {403: "not for this role, or not from this page"}
    if takes is not None:
        told |= {413: "the body is too large", 415: "the body is not JSON"}
    return app.api_route(
        path, methods=[method], operation_id=name, name=name, dependencies=[Depends(gate)], response_model=None,
        response_class=Response, responses={status: _described(status, text, media) for status, text in sorted(told.items())},
        openapi_extra=None if takes is None else _body_schema(takes),
    )  # fmt: skip


def person_of(request: Request) -> Person:
    """Who asks; the gate has seen them."""
    person = request.state.person
    assert isinstance(person, Person)
    return person


def answer(value: object, status: int = 200) -> Response:
    """`value` as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


async def body_of(request: Request, kind: type[T]) -> T:
    """The request's JSON body. Raises Refused for what is too large or no JSON, Rejected("malformed") for what is not a `kind`."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refused(problem(415, "not_json", "content-type must be application/json"))
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MOST_BODY_BYTES:
            raise Refused(problem(413, "too_large", f"the body is over {MOST_BODY_BYTES} bytes"))
    try:
        return msgspec.convert(_whole(msgspec.json.decode(data)), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", str(err)[:300]) from err


def _whole(value: Any) -> Any:  # noqa: ANN401
    """JSON knows one kind of number: 2.0 is the whole number 2."""
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _described(status: int, text: str, media: tuple[str, ...]) -> dict[str, Any]:
    kinds = ("application/problem+json",) if status >= 400 else media
    return {"description": text} if status in (204, 303) else {"description": text, "content": {kind: {} for kind in kinds}}


def _body_schema(kind: type) -> dict[str, Any]:
    schema = msgspec.json.schema(kind, ref_template="#/components/schemas/{name}")
    inner = schema.get("$defs", {}).get(kind.__name__, schema)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inner}}}}
