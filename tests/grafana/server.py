"""A server that keeps Grafana's HTTP API as it is documented, for what we use of it: written from the pages "Dashboard",
"Dashboard versions", "Folder", "Folder permissions", "Data source", "Folder/Dashboard search" and "Provisioning" of its reference.

`faults` answer in its place: a proxy in front, a server that fails, an answer without a body.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ADMIN, VIEWER = "glsa_admin-token", "glsa_viewer-token"
Json = dict[str, Any]
Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What comes instead of an answer. `after` does what was asked first: the answer alone is lost."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    after: bool = False


@dataclass
class Grafana:
    """What the server knows. `log` holds (method, path) of every request; `before` is called before each, to change things meanwhile."""

    new: bool = True
    anonymous: bool = False
    prefix: str = ""
    sources: dict[str, Json] = field(default_factory=dict)
    folders: dict[str, Json] = field(default_factory=dict)
    permissions: dict[str, list[Json]] = field(default_factory=dict)
    boards: dict[str, list[Json]] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)
    health: Answer = (200, {"status": "OK", "message": "datasource is working. 3 buckets found"})
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)
    before: Callable[[str, str], None] = lambda method, path: None
    log: list[tuple[str, str]] = field(default_factory=list)
    secrets: dict[str, Json] = field(default_factory=dict)
    url: str = ""

    def writes(self) -> list[tuple[str, str]]:
        """Requests that change something."""
        return [one for one in self.log if one[0] != "GET"]

    def save_by_hand(self, uid: str, message: str = "", **changes: object) -> None:
        """Somebody edits a board in the browser."""
        newest = self.boards[uid][-1]
        model = {**newest["data"], **changes, "version": newest["version"] + 1}
        self.boards[uid].append({**newest, "data": model, "version": newest["version"] + 1, "message": message, "createdBy": "lan"})

    def answer(self, method: str, path: str, query: dict[str, str], token: str | None, body: Json) -> Answer:
        """As Grafana answers, once it knows who asks."""
        if token is None and not self.anonymous:
            return 401, {"message": "Unauthorized"}
        if token not in (None, ADMIN, VIEWER):
            return 401, {"message": "Invalid API key"}
        if token != ADMIN and (method != "GET" or path.startswith(("/datasources", "/v1/provisioning"))):
            return 403, {
                "title": "Access denied",
                "message": "You'll need additional permissions to perform this action.",
                "accessErrorId": "A1",
            }
        return self._route(method, path.strip("/").split("/"), query, body)

    def _route(self, method: str, parts: list[str], query: dict[str, str], body: Json) -> Answer:
        match method, parts:
            case _, ["datasources", *rest]:
                return self._source(method, rest, body)
            case _, ["folders", *rest]:
                return self._folder(method, rest, body)
            case _, ["dashboards", *rest]:
                return self._dashboard(method, rest, body)
            case _, ["v1", "provisioning", "alert-rules", *rest]:
                return self._rule(method, rest, body)
            case "GET", ["search"]:
                wanted = query.get("folderUIDs")
                hits = [uid for uid, versions in self.boards.items() if wanted in (None, versions[-1]["folderUid"])]
                return 200, [{"uid": uid, "title": self.boards[uid][-1]["data"].get("title", ""), "type": "dash-db"} for uid in hits]
        return 404, {"message": "Not found"}

    def _source(self, method: str, rest: list[str], body: Json) -> Answer:
        if method == "POST" and not rest:
            if any(one["name"] == body["name"] or one["uid"] == body["uid"] for one in self.sources.values()):
                return 409, {"message": "data source with the same name already exists"}
            return self._keep_source(body, 1)
        there = self.sources.get(rest[1]) if rest[:1] == ["uid"] else None
        if there is None:
            return 404, {"message": "Data source not found"}
        if rest[2:] == ["health"]:
            return self.health
        if method == "PUT":
            if there["readOnly"]:
                return 403, {"message": "Cannot update read-only data source"}
            if body.get("version", there["version"]) != there["version"]:
                return 409, {"message": "Datasource has already been updated by someone else. Please reload and try again"}
            return self._keep_source(body, there["version"] + 1)
        return 200, there

    def _keep_source(self, body: Json, version: int) -> Answer:
        kept = {key: value for key, value in body.items() if key != "secureJsonData"}
        self.secrets[body["uid"]] = body.get("secureJsonData", {})
        fields = dict.fromkeys(body.get("secureJsonData", {}), True)
        self.sources[body["uid"]] = {
            "user": "", "database": "", "withCredentials": False, "readOnly": False, **kept,
            "id": 7, "orgId": 1, "version": version, "secureJsonFields": fields,
        }  # fmt: skip
        return 200, {"datasource": self.sources[body["uid"]], "id": 7, "message": "Datasource saved", "name": body["name"]}

    def _folder(self, method: str, rest: list[str], body: Json) -> Answer:
        if method == "POST" and not rest:
            if body["uid"] in self.folders or body["title"] in {one["title"] for one in self.folders.values()}:
                return 409, {"message": "a folder with the same name already exists in the current location"}
            self.folders[body["uid"]] = {"id": len(self.folders) + 1, "uid": body["uid"], "title": body["title"], "version": 1}
            self.permissions[body["uid"]] = [
                {"role": "Viewer", "permission": 1}, {"role": "Editor", "permission": 2}, {"userId": 4, "permission": 4},
            ]  # fmt: skip
            return 200, self.folders[body["uid"]]
        if rest[0] not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        if rest[1:] == ["permissions"]:
            if method == "POST":
                self.permissions[rest[0]] = body["items"]
                return 200, {"message": "Folder permissions updated"}
            return 200, self.permissions[rest[0]]
        return 200, self.folders[rest[0]]

    def _dashboard(self, method: str, rest: list[str], body: Json) -> Answer:
        if rest == ["db"]:
            return self._save(body)
        versions = self.boards.get(rest[1], [])
        if not versions:
            return 404, {"message": "Dashboard not found"}
        newest = versions[-1]
        match method, rest[2:]:
            case "GET", []:
                meta = {"folderUid": newest["folderUid"], "provisioned": newest.get("provisioned", False), "version": newest["version"]}
                return 200, {"dashboard": newest["data"], "meta": meta}
            case "GET", ["versions"]:
                listed = [{key: value for key, value in one.items() if key != "data"} for one in reversed(versions)]
                return 200, {"continueToken": "", "versions": listed} if self.new else listed
            case "DELETE", []:
                del self.boards[rest[1]]
                return 200, {"title": newest["data"]["title"], "message": "Dashboard deleted", "id": 1}
        return 404, {"message": "Not found"}

    def _save(self, body: Json) -> Answer:
        model, uid = body["dashboard"], body["dashboard"]["uid"]
        if not model.get("title"):
            return 400, {"message": "Dashboard title cannot be empty", "status": "empty-name"}
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        there = self.boards.setdefault(uid, [])
        if there and there[-1].get("provisioned"):
            return 400, {"message": "Cannot save provisioned dashboard"}
        if there and not body["overwrite"]:
            if not model.get("id"):
                return 412, {"message": "A dashboard with the same uid already exists", "status": "name-exists"}
            if model.get("version") != there[-1]["version"]:
                return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        version = there[-1]["version"] + 1 if there else 1
        data = {**model, "id": 40, "version": version}
        there.append(
            {
                "uid": uid,
                "version": version,
                "message": body["message"],
                "createdBy": "sa-saola",
                "data": data,
                "folderUid": body["folderUid"],
            }
        )
        return 200, {"id": 40, "uid": uid, "url": f"/d/{uid}/x", "status": "success", "version": version, "slug": "x"}

    def _rule(self, method: str, rest: list[str], body: Json) -> Answer:
        if method == "GET" and not rest:
            return 200, list(self.rules.values())
        if method in ("POST", "PUT"):
            if body["folderUID"] not in self.folders or not body["data"]:
                return 400, {"message": "invalid rule specification"}
            if (method == "POST") == (body["uid"] in self.rules):
                return (409, {"message": "rule with this uid exists"}) if method == "POST" else (404, {"message": "rule not found"})
            self.rules[body["uid"]] = {"id": 3, **body, "orgID": 1, "provenance": "api", "updated": "2026-11-20T08:00:00Z"}
            return (201 if method == "POST" else 200), self.rules[body["uid"]]
        if method == "DELETE":
            self.rules.pop(rest[0], None)
            return 204, None
        return (200, self.rules[rest[0]]) if rest[0] in self.rules else (404, {"message": "Not found"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is its own business."""


@contextmanager
def serving(grafana: Grafana) -> Iterator[Grafana]:
    """Answer on a free port of loopback; `grafana.url` says where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def handle_any(self) -> None:
            parts, length = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            path = parts.path.removeprefix(f"{grafana.prefix}/api")
            grafana.log.append((self.command, path))
            grafana.before(self.command, path)
            fault = next(
                (one for (method, start), one in grafana.faults.items() if method == self.command and path.startswith(start)), None
            )
            if fault is not None and not fault.after:
                self.send(fault.status, fault.body, fault.content_type, fault.headers)
                return
            bearer = self.headers.get("Authorization")
            token = bearer.removeprefix("Bearer ") if bearer else None
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            status, found = grafana.answer(self.command, path, query, token, body)
            if fault is not None:
                self.send(fault.status, fault.body, fault.content_type, fault.headers)
                return
            self.send(status, b"" if status == 204 else json.dumps(found).encode(), "application/json; charset=UTF-8", ())

        def send(self, status: int, body: bytes, content_type: str, headers: tuple[tuple[str, str], ...]) -> None:
            self.send_response(status)
            for name, value in (("Content-Type", content_type), ("Content-Length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any

    server = _Server(("127.0.0.1", 0), Handler)
    grafana.url = f"http://127.0.0.1:{server.server_port}{grafana.prefix}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield grafana
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
