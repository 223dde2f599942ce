"""What a Grafana has, beside what it should have. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from dashboards.grafana.client import GrafanaClient, Refused, quoted
from dashboards.grafana.health import GROUP
from dashboards.grafana.wanted import HEALTH, Board, Folder, Json, Wanted, is_ours, mark, published, rule_mark, source_mark

Kind = Literal["data source", "folder", "permissions", "board", "rule"]
State = Literal["same", "missing", "older", "by hand", "from files", "left over"]
_WHO = "who may change "
VIEW = 1
"""Grafana's number for the permission to look; 2 edits, 4 administers."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing and how it stands; `there` is what Grafana answered.

    `older` is ours and untouched; `by hand` is somebody else's work, which only `--force` replaces; `from files` is provisioned, which the
    API cannot change; `left over` is ours and no longer wanted.
    """

    kind: Kind
    uid: str
    name: str
    state: State
    detail: str = ""
    there: Json = field(default_factory=dict, repr=False)


def look(client: GrafanaClient, wanted: Wanted) -> list[Finding]:
    """Everything wanted, and boards and rules of ours that no longer are, in the order in which they would be made.

    Raises Refused or Unavailable.
    """
    found = [_source(client, wanted)]
    for folder in wanted.folders:
        found += _folder(client, folder)
    there = {one.uid for one in found if one.kind == "folder" and one.state != "missing"}
    found += [_board(client, board) for board in wanted.boards]
    found += _left_boards(client, wanted, sorted(there))
    found += _rules(client, wanted)
    return found


def _source(client: GrafanaClient, wanted: Wanted) -> Finding:
    uid, name = wanted.source["uid"], wanted.source["name"]
    there = _get(client, f"/datasources/uid/{quoted(uid)}")
    if there is None:
        return Finding("data source", uid, name, "missing")
    stamp = str((there.get("jsonData") or {}).get("saola", ""))
    seen = source_mark(there, wanted.source["jsonData"])
    due = wanted.source["jsonData"]["saola"]
    if there.get("readOnly"):
        same = seen == due[: len(seen)]
        return Finding(
            "data source", uid, name, "same" if same else "from files", "" if same else "differs from what we would write", there
        )
    if stamp == due and seen == stamp[: len(seen)]:
        return Finding("data source", uid, name, "same", there=there)
    if stamp and seen == stamp[: len(seen)]:
        return Finding("data source", uid, name, "older", "address, details or token differ", there)
    return Finding("data source", uid, name, "by hand", f"reads {there.get('url') or 'nowhere'}", there)


def _folder(client: GrafanaClient, folder: Folder) -> Iterator[Finding]:
    if _get(client, f"/folders/{quoted(folder.uid)}") is None:
        yield Finding("folder", folder.uid, folder.title, "missing")
        yield Finding("permissions", folder.uid, _WHO + folder.title, "missing")
        return
    yield Finding("folder", folder.uid, folder.title, "same")
    yield permissions(client, folder)


def permissions(client: GrafanaClient, folder: Folder) -> Finding:
    """Whether viewers and editors may do more than look. Who may look at all is left to those who run Grafana."""
    items = client.ask("GET", f"/folders/{quoted(folder.uid)}/permissions") or []
    more = sorted({str(one["role"]) for one in items if one.get("role") in ("Viewer", "Editor") and int(one.get("permission", 0)) > VIEW})
    detail = f"role {' and '.join(more)} may change boards" if more else ""
    return Finding("permissions", folder.uid, _WHO + folder.title, "older" if more else "same", detail, {"items": items})


def _board(client: GrafanaClient, board: Board) -> Finding:
    there = _get(client, f"/dashboards/uid/{quoted(board.uid)}")
    if there is None:
        return Finding("board", board.uid, board.title, "missing")
    model, meta = there.get("dashboard") or {}, there.get("meta") or {}
    if meta.get("provisioned"):
        same = mark(published(model)) == mark(published(board.model))
        return _from_files(Finding("board", board.uid, board.title, "from files", "the files hold another", model), same)
    message, author = latest(client, board.uid)
    if not is_ours(message):
        words = f"its last version is {message!r}" if message else "its last version says nothing of us"
        return Finding("board", board.uid, board.title, "by hand", words + (f", by {author}" if author else ""), model)
    if (place := meta.get("folderUid", "")) != board.folder.uid:
        return Finding("board", board.uid, board.title, "by hand", f"was moved to folder {place or '(none)'}", model)
    return Finding("board", board.uid, board.title, "same" if message == board.message else "older", there=model)


def latest(client: GrafanaClient, uid: str) -> tuple[str, str]:
    """Message and author of a board's newest version. Older Grafanas answer with a list, newer ones with a table that holds it."""
    answer = client.ask("GET", f"/dashboards/uid/{quoted(uid)}/versions?limit=1")
    versions = answer.get("versions") if isinstance(answer, dict) else answer
    newest: Json = max(versions or [], key=lambda one: int(one.get("version", 0)), default={})
    return str(newest.get("message") or ""), str(newest.get("createdBy") or "")


def _left_boards(client: GrafanaClient, wanted: Wanted, folders: list[str]) -> Iterator[Finding]:
    """Boards of ours in our folders that nobody renders any more; other people's boards there are theirs."""
    due = {board.uid for board in wanted.boards}
    for folder in folders:
        for one in client.ask("GET", f"/search?type=dash-db&limit=5000&folderUIDs={quoted(folder)}") or []:
            uid = str(one.get("uid", ""))
            if uid and uid not in due and is_ours(latest(client, uid)[0]):
                yield Finding("board", uid, f"{one.get('title', uid)} ({folder})", "left over", "is no longer drawn")


def _rules(client: GrafanaClient, wanted: Wanted) -> Iterator[Finding]:
    if not wanted.rules:
        return
    there = {str(one.get("uid", "")): one for one in client.ask("GET", "/v1/provisioning/alert-rules") or []}
    for rule in wanted.rules:
        yield _rule(rule, there.get(rule["uid"]))
    due = {rule["uid"] for rule in wanted.rules}
    for uid, one in there.items():
        if uid not in due and one.get("folderUID") == HEALTH.uid and one.get("ruleGroup") == GROUP and _stamp(one):
            yield Finding("rule", uid, str(one.get("title", uid)), "left over", "is no longer wanted")


def _rule(rule: Json, there: Json | None) -> Finding:
    if there is None:
        return Finding("rule", rule["uid"], rule["title"], "missing")
    stamp, seen = _stamp(there), rule_mark(there)
    if there.get("provenance") == "file":
        same = stamp == _stamp(rule)
        return Finding(
            "rule", rule["uid"], rule["title"], "same" if same else "from files", "" if same else "the files hold another", there
        )
    if stamp[: len(seen)] != seen:
        detail = "is paused" if there.get("isPaused") else "asks something else"
        return Finding("rule", rule["uid"], rule["title"], "by hand", detail, there)
    return Finding("rule", rule["uid"], rule["title"], "same" if stamp == _stamp(rule) else "older", there=there)


def _from_files(one: Finding, same: bool) -> Finding:
    """What is provisioned is as good as published when it is the same."""
    return replace(one, state="same", detail="from files") if same else one


def _stamp(rule: Json) -> str:
    return str((rule.get("annotations") or {}).get("saola", ""))


def _get(client: GrafanaClient, path: str) -> Json | None:
    """The answer, or None where Grafana knows no such thing."""
    try:
        found: Json | None = client.ask("GET", path)
    except Refused as err:
        if err.status == 404:
            return None
        raise
    return found
