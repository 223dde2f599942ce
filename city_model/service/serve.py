"""The small HTTP side of a service, on loopback only: /metrics (Prometheus), /healthz, /readyz with reasons, /figures (JSON).

/healthz answers as long as the event loop turns: whoever restarts a process asks it. /readyz answers 503 with the reasons while a server
is away: whoever sends work asks it. Nothing here reads a body, and a request is at most a few KiB.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from city_model.faults import Unavailable
from city_model.service.about import About
from city_model.service.metrics import CONTENT_TYPE, exposition

_HOST = "127.0.0.1"
_REQUEST_WITHIN_S = 5.0
_REQUEST_BYTES = 8192
_NAMES = {"127.0.0.1", "localhost"}
_WORDS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
Answer = tuple[int, str, str]
_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"


@asynccontextmanager
async def telling(about: About, port: int | None) -> AsyncIterator[int | None]:
    """Serve `about` on loopback while the block runs; gives the port (0 asked for a free one), None where nobody asked for it.

    Raises Unavailable when the port is taken.
    """
    if port is None:
        yield None
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve_one(about, reader, writer)

    try:
        server = await asyncio.start_server(answer, _HOST, port, limit=_REQUEST_BYTES)
    except OSError as err:
        raise Unavailable(f"--status {port}: {err.strerror}") from err
    taken = int(server.sockets[0].getsockname()[1])
    if port == 0:
        print(f"{about.name}: status at http://{_HOST}:{taken}/", file=sys.stderr, flush=True)
    try:
        yield taken
    finally:
        server.close()


async def _serve_one(about: About, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        try:
            async with asyncio.timeout(_REQUEST_WITHIN_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = b""
        status, kind, text = await answer_to(about, head)
        body = text.encode()
        lines = [f"HTTP/1.1 {status} {_WORDS[status]}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += ["Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode() + (b"" if head.startswith(b"HEAD ") else body))
        await writer.drain()
    writer.close()


async def answer_to(about: About, head: bytes) -> Answer:
    """(status, content type, body) for the head of a request."""
    first, _, rest = head.decode("latin-1").partition("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return 400, _TEXT, "not a request\n"
    host = next((line[5:].strip() for line in rest.split("\r\n") if line.lower().startswith("host:")), "")
    if host.rpartition(":")[0] not in _NAMES and host not in _NAMES:
        return 403, _TEXT, "this host name is not served\n"  # a page elsewhere must not read us through the browser
    if words[0] not in {"GET", "HEAD"}:
        return 405, _TEXT, "only GET\n"
    return await _page(about, words[1].partition("?")[0])


async def _page(about: About, path: str) -> Answer:
    reasons = list(about.reasons())
    match path:
        case "/healthz":
            return 200, _TEXT, "ok\n"
        case "/readyz":
            body = json.dumps({"service": about.name, "ready": not reasons, "reasons": reasons}, ensure_ascii=False)
            return (503 if reasons else 200), _JSON, body + "\n"
        case "/figures":
            return 200, _JSON, json.dumps({"service": about.name, "ready": not reasons, "figures": await about.figures()}) + "\n"
        case "/metrics":
            return 200, CONTENT_TYPE, exposition(about.name, await about.figures(), not reasons)
    return 404, _TEXT, "/metrics, /healthz, /readyz or /figures\n"
