"""An InfluxDB made ready: organisation, three buckets with their retention, and two tokens that may do one thing each.

Everything is looked at before it is made, so running it again changes only what differs. The administrator's token is used here and
nowhere else: services get the write token (it may also read, as rollups are computed from what is stored), pages the read token.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from city_model.faults import ConfigError, Problem, Unavailable
from stream_processor.stores.influx_client import HttpRefused, InfluxClient
from stream_processor.stores.influx_file import InfluxFile, load_influx_file, write_influx_file
from stream_processor.stores.keep import Keep

ADMIN, WRITE, READ = "influx-admin.toml", "influx-write.toml", "influx-read.toml"
_DAY_S = 86_400
Access = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to be done; `do` returns what it did, in words."""

    name: str
    do: Callable[[], str]


def first_time(wanted: InfluxFile, directory: Path) -> str:
    """Give a fresh server its administrator: the file is written first, so that no token is ever lost. Returns what was done.

    Raises ConfigError when the server has one already (whose token must be given), Unavailable.
    """
    admin, path = replace(wanted, token=secrets.token_urlsafe(48)), directory / ADMIN
    client = InfluxClient(wanted)
    try:
        if not client.ask_json("GET", "/api/v2/setup").get("allowed"):
            found = f"does not exist, and {wanted.url} has an administrator already; nothing was done"
            raise ConfigError([Problem(str(path), "(file)", found, "a file with an administrator's token (--admin)")])
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_influx_file(path, admin, "InfluxDB's administrator, for `saola store setup` only. Keep it away from the services.")
        password = secrets.token_urlsafe(24)  # nobody logs in: the module has no page, and the token can make another
        body = {"username": "saola-admin", "password": password, "org": wanted.organisation, "bucket": wanted.bucket, "token": admin.token}
        client.ask_json("POST", "/api/v2/setup", body=body)
    except HttpRefused as err:
        path.unlink(missing_ok=True)
        raise Unavailable(f"influxdb: {wanted.url}: the first set-up was refused, nothing was done: {err}") from err
    finally:
        client.close()
    return f"administrator made, token in {path}"


def set_up(admin: InfluxFile, admin_path: Path, keep: Keep, directory: Path, rotate: bool = False) -> Iterator[str]:
    """Do every step, yielding what was done. Raises ConfigError (token) or Unavailable that says what was not."""
    setup = Setup(admin, keep, directory, rotate)
    steps = list(setup.steps())
    try:
        for number, step in enumerate(steps):
            rest = "; not done: " + "; ".join(one.name for one in steps[number:])
            try:
                yield step.do()
            except HttpRefused as err:
                if err.status in (401, 403):
                    problem = Problem(str(admin_path), "token", f"{admin.url} answers {err}{rest}", "an operator's or all-access token")
                    raise ConfigError([problem]) from err
                raise Unavailable(f"influxdb: {admin.url}: {step.name}: {err}{rest}") from err
            except Unavailable as err:
                raise Unavailable(f"{err}{rest}") from err
    finally:
        setup.close()


class Setup:
    """The steps for one server, with the administrator's token. Each raises ConfigError, Unavailable or HttpRefused."""

    def __init__(self, admin: InfluxFile, keep: Keep, directory: Path, rotate: bool = False) -> None:
        self._admin, self._keep, self._directory, self._rotate = admin, keep, directory, rotate
        self._client = InfluxClient(admin)
        self._org_id = ""
        self._bucket_ids: list[str] = []

    def steps(self) -> Iterator[Step]:
        """In the order they must be done."""
        yield Step(f"organisation {self._admin.organisation}", self._organisation)
        for name, days in zip(self._admin.buckets(), self._keep.each_days(), strict=True):
            yield Step(f"bucket {name}", lambda name=name, days=days: self._bucket(name, days))  # type: ignore[misc]  # bound now
        yield Step(f"write token in {WRITE}", lambda: self._token(WRITE, "write"))
        yield Step(f"read token in {READ}", lambda: self._token(READ, "read"))

    def close(self) -> None:
        self._client.close()

    def _organisation(self) -> str:
        name = self._admin.organisation
        found = self._list("orgs", {"org": name})
        if not found:
            found = [self._client.ask_json("POST", "/api/v2/orgs", body={"name": name})]
            self._org_id = found[0]["id"]
            return f"organisation {name} made"
        self._org_id = found[0]["id"]
        return f"organisation {name} was there"

    def _bucket(self, name: str, days: int) -> str:
        rules = [{"type": "expire", "everySeconds": days * _DAY_S}]
        found = self._list("buckets", {"orgID": self._org_id, "name": name})
        if not found:
            body = {"orgID": self._org_id, "name": name, "retentionRules": rules}
            self._bucket_ids.append(self._client.ask_json("POST", "/api/v2/buckets", body=body)["id"])
            return f"bucket {name} made, keeps {_days(days)}"
        self._bucket_ids.append(found[0]["id"])
        if kept_s(found[0]) == days * _DAY_S:
            return f"bucket {name} was there, keeps {_days(days)}"
        self._client.ask_json("PATCH", f"/api/v2/buckets/{found[0]['id']}", body={"retentionRules": rules})
        return f"bucket {name} was there, now keeps {_days(days)}"

    def _token(self, file_name: str, access: Access) -> str:
        path = self._directory / file_name
        if not self._rotate and path.exists() and self._fits(load_influx_file(path), access):
            return f"{access} token in {path} was there"
        description = f"saola {access} {self._admin.bucket}"
        before = [one["id"] for one in self._list("authorizations", {"orgID": self._org_id}) if one.get("description") == description]
        body = {"orgID": self._org_id, "description": description, "permissions": self._permissions(access)}
        made = self._client.ask_json("POST", "/api/v2/authorizations", body=body)
        what = "writes points and rollups" if access == "write" else "only reads"
        write_influx_file(path, replace(self._admin, token=made["token"]), f"InfluxDB for services: this token {what}.")
        for old in before:
            self._client.ask("DELETE", f"/api/v2/authorizations/{old}")
        return f"{access} token in {path} made" + (f", {len(before)} older revoked" if before else "")

    def _permissions(self, access: Access) -> list[dict[str, Any]]:
        actions = ("read", "write") if access == "write" else ("read",)
        return [
            {"action": action, "resource": {"type": "buckets", "id": one, "orgID": self._org_id}}
            for action in actions for one in self._bucket_ids
        ]  # fmt: skip

    def _fits(self, file: InfluxFile, access: Access) -> bool:
        """Whether the file is for this server and its token does what it should."""
        if replace(file, token="") != replace(self._admin, token=""):
            return False
        client = InfluxClient(file)
        try:
            return all(may_read(client, one) and (access == "read" or may_write(client, one)) for one in file.buckets())
        finally:
            client.close()

    def _list(self, kind: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """Found objects of a kind; none when the server answers that it knows no such name."""
        try:
            found: list[dict[str, Any]] = self._client.ask_json("GET", f"/api/v2/{kind}", query).get(kind, [])
        except HttpRefused as err:
            if err.status == 404:
                return []
            raise
        return found


def may_read(client: InfluxClient, bucket: str) -> bool:
    """Whether the client's token may read the bucket."""
    try:
        client.influxql(bucket, 'SELECT "value" FROM "nothing" LIMIT 1')
    except HttpRefused:
        return False
    return True


def may_write(client: InfluxClient, bucket: str) -> bool:
    """Whether the client's token may write the bucket; nothing is written."""
    try:
        client.write(bucket, b"\n")
    except HttpRefused as err:
        return err.status == 400
    return True


def kept_s(bucket: dict[str, Any]) -> int:
    """Seconds a bucket keeps its points, as the HTTP API describes it; 0 is for ever."""
    return next((int(rule["everySeconds"]) for rule in bucket.get("retentionRules", []) if rule["type"] == "expire"), 0)


def _days(days: int) -> str:
    return f"{days} days" if days else "for ever"
