"""What is missing or older in a Grafana, made as it should be: first everything is looked at, then one thing after another is written.

Nothing is written while one thing would have to be refused. What stops it half-way says what was not done; run again, it goes on there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from city_model.faults import Unavailable
from dashboards.grafana.client import GrafanaClient, Refused, quoted
from dashboards.grafana.look import VIEW, Finding, latest, permissions
from dashboards.grafana.wanted import Json, Wanted

_DONE = {"missing": "made", "older": "brought up to date", "by hand": "replaced what was changed by hand", "left over": "removed"}


class Stopped(Exception):
    """Grafana refused `finding`; `cause` says why, `rest` names what was not done."""

    def __init__(self, finding: Finding, cause: Refused, rest: str) -> None:
        super().__init__(f"{finding.kind} {finding.name}: {why(cause)}{rest}")
        self.status = cause.status


def conflicts(findings: Sequence[Finding], force: bool) -> list[Finding]:
    """What publishing would have to overwrite and may not."""
    return [one for one in findings if one.state == "from files" or (one.state == "by hand" and not force)]


def work(findings: Sequence[Finding], prune: bool) -> list[Finding]:
    """What there is to do, in its order."""
    return [one for one in findings if one.state in ("missing", "older", "by hand") or (prune and one.state == "left over")]


def publish(client: GrafanaClient, wanted: Wanted, todo: Sequence[Finding]) -> Iterator[str]:
    """Do it, yielding what was done. Raises Stopped, Unavailable or KeyboardInterrupt, each with what was not done."""
    writer = _Writer(client, wanted)
    for number, one in enumerate(todo):
        rest = _rest(todo[number:])
        try:
            writer.write(one)
        except Refused as err:
            raise Stopped(one, err, rest) from err
        except Unavailable as err:
            raise Unavailable(f"{err}{rest}") from err
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted{rest}") from None
        yield f"{one.kind} {one.name}: {_DONE[one.state]}"


def answers(client: GrafanaClient, wanted: Wanted) -> str:
    """Why Grafana cannot read InfluxDB, empty when it can. Raises Unavailable."""
    try:
        said = client.ask("GET", f"/datasources/uid/{quoted(wanted.source['uid'])}/health") or {}
    except Refused as err:
        return "" if err.status == 404 else err.words or str(err)  # 404: this Grafana's plugin has no such check
    return "" if str(said.get("status", "OK")).upper() == "OK" else str(said.get("message", "it does not say why"))


def why(err: Refused) -> str:
    """Grafana's refusal in a sentence."""
    if err.status == 412:
        return f"was changed by somebody else while this ran ({err.reason or err.words})"
    if err.status in (401, 403):
        return f"the token is not allowed to ({err})"
    return f"Grafana refuses: {err}"


def _rest(todo: Sequence[Finding]) -> str:
    return "; not done: " + "; ".join(f"{one.kind} {one.name}" for one in todo)


class _Writer:
    """Writes one finding as it should be. Raises Refused or Unavailable."""

    def __init__(self, client: GrafanaClient, wanted: Wanted) -> None:
        self._client, self._wanted = client, wanted
        self._folders = {one.uid: one for one in wanted.folders}
        self._boards = {one.uid: one for one in wanted.boards}
        self._rules = {one["uid"]: one for one in wanted.rules}

    def write(self, one: Finding) -> None:
        match one.kind:
            case "data source":
                self._source(one)
            case "folder":
                self._folder(one)
            case "permissions":
                self._permissions(one)
            case "board":
                self._board(one)
            case "rule":
                self._rule(one)

    def _source(self, one: Finding) -> None:
        body = {**self._wanted.source, "secureJsonData": self._wanted.secret}
        if one.state == "missing":
            self._client.ask("POST", "/datasources", body)
        else:
            kept: Json = {key: one.there[key] for key in ("id", "orgId", "version") if key in one.there}
            self._client.ask("PUT", f"/datasources/uid/{quoted(one.uid)}", {**kept, **body})

    def _folder(self, one: Finding) -> None:
        folder = self._folders[one.uid]
        self._client.ask("POST", "/folders", {"uid": folder.uid, "title": folder.title})

    def _permissions(self, one: Finding) -> None:
        """Roles may look and no more; single people and teams keep what they have."""
        there = one.there or permissions(self._client, self._folders[one.uid]).there
        items = [_kept(item) for item in there["items"] if not item.get("inherited") and item.get("role") != "Admin"]
        self._client.ask("POST", f"/folders/{quoted(one.uid)}/permissions", {"items": items})

    def _board(self, one: Finding) -> None:
        if one.state == "left over":
            self._client.ask("DELETE", f"/dashboards/uid/{quoted(one.uid)}")
            return
        board = self._boards[one.uid]
        known: Json = {"id": None} if one.state == "missing" else {"id": one.there.get("id"), "version": one.there.get("version", 0)}
        body = {"dashboard": {**board.model, **known, "uid": board.uid}, "folderUid": board.folder.uid, "message": board.message}
        answer = self._client.ask("POST", "/dashboards/db", {**body, "overwrite": False})
        if not _succeeded(answer) and latest(self._client, board.uid)[0] != board.message:
            raise Unavailable(f"grafana: {self._client.url}: POST /api/dashboards/db is answered, but {board.title} is not there as sent")

    def _rule(self, one: Finding) -> None:
        path = f"/v1/provisioning/alert-rules/{quoted(one.uid)}"
        if one.state == "left over":
            self._client.ask("DELETE", path)
        elif one.state == "missing":
            self._client.ask("POST", "/v1/provisioning/alert-rules", self._rules[one.uid])
        else:
            self._client.ask("PUT", path, self._rules[one.uid])


def _succeeded(answer: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(answer, dict) and answer.get("status") == "success"


def _kept(item: Json) -> Json:
    """A permission as the API takes it back, with roles brought down to looking."""
    if role := item.get("role"):
        return {"role": role, "permission": VIEW}
    who = next(({key: item[key]} for key in ("teamId", "userId") if item.get(key)), {})
    return {**who, "permission": item.get("permission", VIEW)}
