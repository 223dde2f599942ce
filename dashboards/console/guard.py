"""What every request and answer passes: known host names only, and headers that let the page load nothing but itself.

There is no login yet, so the page is for loopback or for behind a proxy that has one. The host check stops a foreign page that has its own
name resolve to our address; the same-origin check on writes stops one that posts to us.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
WRITE_HEADER = "x-saola"

_CSP = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware; plain, so that a stream passes through it unbuffered."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], pictures_from: str = "") -> None:
        """`pictures_from`: an origin besides ours that pictures (tiles of the map) may come from."""
        self._app = app
        more = f"; img-src 'self' {pictures_from}" if pictures_from else ""
        self._headers = {**_HEADERS, "content-security-policy": _CSP + more}
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        if _host_name(Headers(scope=scope).get("host", "")) not in self._hosts:
            refusal = PlainTextResponse("This host name is not served here; see --allow-host.\n", status_code=421)
            await refusal(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


def why_not_ours(headers: Headers) -> str:
    """Why a write cannot come from our own page; empty when it can."""
    origin = urlsplit(headers.get("origin", ""))
    if not origin.netloc or origin.netloc.lower() != headers.get("host", "").lower():
        return "the request does not come from this page (Origin and Host differ)"
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return "the request does not come from this page (Sec-Fetch-Site)"
    if WRITE_HEADER not in headers:
        return f"the header {WRITE_HEADER} is missing"
    return ""


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
