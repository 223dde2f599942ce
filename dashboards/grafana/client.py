"""Grafana's HTTP API through grafana-api, which no other file knows.

grafana-api takes whatever comes for JSON and follows redirects (a POST becomes a GET and looks done), so every answer is looked at before
it does: an empty answer is None, what is not Grafana's is Unavailable, a refusal carries Grafana's own words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import requests
from grafana_api.grafana_face import GrafanaFace

from city_model.faults import ConfigError, Problem, Unavailable
from city_model.transport.open import is_loopback

Method = Literal["GET", "POST", "PUT", "DELETE"]
_TIMEOUT_S = 15.0
_WORDS_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Access:
    """Where Grafana is and who we are there. `ca_file` names who signed its certificate; empty: whom certifi trusts."""

    url: str
    token: str
    ca_file: str = ""


class Refused(Exception):
    """Grafana understood and said no: `status` 400..499, its words, and for 412 the `reason` it gives (`version-mismatch`, ...)."""

    def __init__(self, status: int, words: str, reason: str = "") -> None:
        super().__init__(f"{status} {words}" if words else str(status))
        self.status, self.words, self.reason = status, words, reason


class _Nothing(Exception):
    """An answer without a body: 204, or a 202 that says no more."""


class GrafanaClient:
    """One Grafana. Raises Refused (it said no) or Unavailable (no answer, 5xx, or not Grafana); never with a token in the text."""

    def __init__(self, access: Access, secrets: tuple[str, ...] = (), timeout_s: float = _TIMEOUT_S) -> None:
        parts = urlsplit(access.url)
        prefix = parts.path.strip("/")
        self.url = access.url.rstrip("/")
        self._secrets = tuple(one for one in (access.token, *secrets) if one)
        self._api = GrafanaFace(
            access.token, host=parts.netloc, url_path_prefix=f"{prefix}/" if prefix else "", protocol=parts.scheme,
            verify=access.ca_file or True, timeout=timeout_s,
        ).api  # fmt: skip
        self._timeout_s = timeout_s
        self._api.s.trust_env = False  # no proxy and no .netrc of the environment gets the token
        self._api.s.hooks["response"].append(self._look)

    def close(self) -> None:
        """Drop the connections."""
        self._api.s.close()

    def ask(self, method: Method, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """The answer as JSON, None for an empty one. `path` is below `/api` and already quoted."""
        try:
            return getattr(self._api, method)(path, json=body)
        except _Nothing:
            return None
        except requests.RequestException as err:
            raise Unavailable(f"grafana: {self.url}: {method} /api{path}: {self._failure(err, method)}") from err

    def lets_anybody_in(self) -> bool:
        """Whether it answers somebody without a token (anonymous access)."""
        path = "/search?limit=1"
        try:
            self._api.s.get(self._api.url + path, timeout=self._timeout_s, verify=self._api.verify)
        except Refused:
            return False
        except requests.RequestException as err:
            raise Unavailable(f"grafana: {self.url}: GET /api{path}: {self._failure(err, 'GET')}") from err
        return True

    def _look(self, answer: requests.Response, *_: object, **__: object) -> None:
        """Raise for everything that grafana-api would take for something else."""
        asked = f"{answer.request.method} {urlsplit(answer.request.url or '').path}"
        body = answer.content
        if 300 <= answer.status_code < 400:
            place = urlsplit(str(answer.headers.get("Location", "")))
            where = f"{place.scheme}://{place.netloc}{place.path}" if place.netloc else place.path
            raise Unavailable(f"grafana: {self.url}: {asked} is redirected to {self._clean(where)}; give --url the last address")
        if not body.strip() and answer.status_code < 300:
            raise _Nothing
        try:
            found = json.loads(body)
        except ValueError:
            what = "a page of HTML" if b"<" in body[:64] else "text that is not JSON" if body.strip() else "nothing"
            said = f"grafana: {self.url}: {asked} is answered {answer.status_code} with {what}; is this Grafana's address?"
            raise Unavailable(said) from None
        if answer.status_code >= 400:
            table = found if isinstance(found, dict) else {}
            words = self._clean(str(table.get("message") or table.get("msg") or table.get("error") or answer.reason or ""))
            if answer.status_code >= 500:
                raise Unavailable(f"grafana: {self.url}: {asked} is answered {answer.status_code}: {words}")
            raise Refused(answer.status_code, words, str(table.get("status", "")))

    def _failure(self, err: requests.RequestException, method: str) -> str:
        """Why there was no answer, and whether something may have been done."""
        if isinstance(err, requests.exceptions.SSLError):
            return "its certificate is not signed by anybody we trust (--ca-file)"
        if isinstance(err, requests.exceptions.ConnectTimeout):
            return f"no connection within {self._timeout_s:g} s"
        if isinstance(err, requests.exceptions.Timeout):
            return f"no answer within {self._timeout_s:g} s" + ("" if method == "GET" else "; it may have been done")
        if isinstance(err, requests.exceptions.ConnectionError) and "refused" in str(err):
            return "nothing listens there"
        return f"{self._clean(type(err).__name__)}" + ("" if method == "GET" else "; it may have been done")

    def _clean(self, words: str) -> str:
        """One short line without our tokens."""
        for secret in self._secrets:
            words = words.replace(secret, "***")
        line = "".join(c if c.isprintable() else " " for c in words)
        line = " ".join(line.split())
        return line if len(line) <= _WORDS_AT_MOST else line[: _WORDS_AT_MOST - 1] + "…"


def quoted(part: str) -> str:
    """A name as one part of a path."""
    return quote(part, safe="")


def check_url(url: str, allow_plaintext: bool, option: str) -> None:
    """Raises ConfigError when `url` is no address, or would send the token in the clear to another machine."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        right = False
    if not right or parts.username is not None or parts.query or parts.fragment:
        found = "is no address" if not right else "carries more than an address"
        raise ConfigError([Problem("saola grafana", option, found, "http://HOST:PORT/ or https://HOST/PATH/, without user and password")])
    if parts.scheme == "http" and not allow_plaintext and not is_loopback(parts.hostname or ""):
        problem = Problem("saola grafana", option, f"plaintext to {parts.hostname}", "https://, a loopback address, or --allow-plaintext")
        raise ConfigError([problem])
