"""The one file that knows influxdb-client: requests to an InfluxDB 2, and its failures in our words.

Only the client's connection is used (pool, TLS, token, timeouts): its batching writer drops what it cannot send, and its `Point`
is slower than text built in bulk.
"""

from __future__ import annotations

import email.utils
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]  # its package re-exports without saying so
from influxdb_client.rest import ApiException
from urllib3 import exceptions as pool

from city_model.faults import Unavailable
from stream_processor.stores.influx_file import InfluxFile
from stream_processor.stores.port import Busy

_TIMEOUT_MS = 30_000
_POOL = 8  # one connection for each thread that asks at once
_BUSY = {408, 429, 503, 504}
log = logging.getLogger("saola.influx")


class HttpRefused(Exception):
    """The server answered 4xx: the request, the token or a name is wrong. `message` is the server's own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `server_ms` is the server's clock, to the second; None when it does not say."""

    status: int
    body: bytes
    server_ms: int | None
    version: str


class InfluxClient:
    """Blocking requests; threads may share it."""

    def __init__(self, file: InfluxFile, timeout_ms: int = _TIMEOUT_MS) -> None:
        self.url = file.url.rstrip("/")
        self._organisation = file.organisation
        self._client: Any = InfluxDBClient(  # untyped within

            url=self.url, token=file.token, org=file.organisation, timeout=timeout_ms, enable_gzip=False,
            ssl_ca_cert=file.ca_file or None, connection_pool_maxsize=_POOL, retries=False,
        )  # fmt: skip

    def write(self, bucket: str, lines: bytes) -> None:
        """Line protocol with times in ms; on return the server has it durably. Raises HttpRefused, Busy or Unavailable."""
        query = {"org": self._organisation, "bucket": bucket, "precision": "ms"}
        self.ask("POST", "/api/v2/write", query, lines, content_type="text/plain; charset=utf-8")

    def influxql(self, bucket: str, statement: str) -> list[dict[str, Any]]:
        """Series of the answer to one statement or several, as InfluxDB 1 describes them; times in ms. Raises as `write` does."""
        answer = self.ask("POST", "/query", {"org": self._organisation, "db": bucket, "epoch": "ms"}, {"q": statement})
        found: list[dict[str, Any]] = []
        for result in _json(answer.body).get("results", []):
            if "error" in result:
                raise HttpRefused(400, str(result["error"]))
            found += result.get("series", [])
        return found

    def flux(self, query: str) -> bytes:
        """Annotated CSV of a Flux query. Raises as `write` does."""
        body = {"query": query, "type": "flux", "dialect": {"header": True, "annotations": ["datatype"], "dateTimeFormat": "RFC3339Nano"}}
        return self.ask("POST", "/api/v2/query", {"org": self._organisation}, body).body

    def ask_json(self, method: str, path: str, query: Mapping[str, str] | None = None, body: object = None) -> Any:  # noqa: ANN401
        """Any call of the HTTP API; None for an empty answer. Raises as `write` does."""
        answer = self.ask(method, path, query, body)
        return _json(answer.body) if answer.body else None

    def ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: object = None, content_type: str = "application/json"
    ) -> Answer:
        """One request. `body` is bytes as they are, a dict of form fields for /query, JSON otherwise."""
        form = path == "/query"
        kind = "application/x-www-form-urlencoded" if form else content_type
        try:
            response, status, headers = self._client.api_client.call_api(
                path, method, query_params=list((query or {}).items()), _preload_content=False,
                header_params={"Content-Type": kind, "Accept": "application/json" if not path.endswith("v2/query") else "application/csv"},
                body=None if form else body, post_params=list(body.items()) if form and isinstance(body, dict) else None,
            )  # fmt: skip
            content = bytes(response.data)
        except ApiException as err:
            raise self._translated(err) from err
        except pool.NewConnectionError as err:  # urllib3 counts it as a kind of time-out
            raise Unavailable(f"influxdb: {self.url}: {_short(err)}") from err
        except pool.TimeoutError as err:
            raise Busy(f"influxdb: {self.url}: no answer in time") from err
        except pool.HTTPError as err:
            raise Unavailable(f"influxdb: {self.url}: {_short(err)}") from err
        return Answer(status, content, _clock_ms(headers.get("Date")), headers.get("X-Influxdb-Version", ""))

    def close(self) -> None:
        self._client.close()

    def _translated(self, err: ApiException) -> Exception:
        """Our word for an answer that is no success; what a token looks like never gets into it."""
        status = int(err.status or 0)
        said = _said(err.body)
        if status in _BUSY:
            return Busy(f"influxdb: {self.url}: {status} {said}", _retry_after_s(err.headers))
        if 400 <= status < 500:
            return HttpRefused(status, said)
        return Unavailable(f"influxdb: {self.url}: {status or err.reason} {said}".rstrip())


def _said(body: bytes | str | None) -> str:
    """The server's message: of its JSON, or the first words of whatever a proxy in between wrote."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    try:
        decoded = msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return " ".join(text.split())[:200]
    if isinstance(decoded, dict):
        return str(decoded.get("message") or decoded.get("error") or decoded.get("code") or "")[:2000]
    return text[:200]


def _json(body: bytes) -> Any:  # noqa: ANN401
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as err:
        raise Unavailable(f"influxdb: answered something that is no JSON: {' '.join(body[:100].decode(errors='replace').split())}") from err


def _retry_after_s(headers: Mapping[str, str] | None) -> float:
    """Seconds of Retry-After; 0 when it is absent or a date (proxies send those)."""
    said = (headers or {}).get("Retry-After", "")
    return min(float(said), 300.0) if said.isdigit() else 0.0


def _clock_ms(date: str | None) -> int | None:
    if not date:
        return None
    try:
        return int(email.utils.parsedate_to_datetime(date).timestamp() * 1000)
    except ValueError:
        return None


def _short(err: pool.HTTPError) -> str:
    """urllib3 repeats itself: the innermost sentence is enough."""
    text = str(getattr(err, "reason", None) or err)
    return " ".join(re.sub(r"^.*>: |^\w+\(host=[^)]*\): ", "", text).split())[:200]
