"""What is right and wrong with an InfluxDB, seen with a service's token: reached, known, allowed, kept long enough, the same clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stream_processor.stores.check import Finding
from stream_processor.stores.influx_client import HttpRefused, InfluxClient
from stream_processor.stores.influx_file import InfluxFile, load_influx_file
from stream_processor.stores.influx_queries import field_types
from stream_processor.stores.influx_setup import kept_s, may_read, may_write
from stream_processor.stores.influx_words import explained
from stream_processor.stores.keep import Keep

_SKEW_MS = 5_000
"""Retention and "the last hour" are by the server's clock; a device's clock counts only for event times."""
_DAY_S = 86_400


def check_influx(path: Path, keep: Keep, now_ms: int) -> Iterator[Finding]:
    """Findings in order; stops where nothing further can be seen. Raises ConfigError (the file), Unavailable (no server)."""
    file = load_influx_file(path)
    client = InfluxClient(file)
    try:
        answer = client.ask("GET", "/health")
        yield Finding(f"server {file.url}", "ok", answer.version or "InfluxDB")
        yield _clock(answer.server_ms, now_ms)
        try:
            found = client.ask_json("GET", "/api/v2/buckets", {"org": file.organisation, "limit": "100"})["buckets"]
        except HttpRefused as err:
            problem = explained(file, str(path), "read", err)
            yield Finding("token and organisation", "wrong", f"{problem or err}")
            return
        yield Finding("token and organisation", "ok", file.organisation)
        of_name = {one["name"]: one for one in found}
        for name, days in zip(file.buckets(), keep.each_days(), strict=True):
            yield from _bucket(client, name, of_name.get(name), days)
        yield _scope(client, file)
        if file.bucket in of_name:
            yield from _types(client, file)
    finally:
        client.close()


def _clock(server_ms: int | None, now_ms: int) -> Finding:
    if server_ms is None:
        return Finding("clock", "note", "the server does not say what time it has")
    ahead_s = round((server_ms - now_ms) / 1000)
    if abs(server_ms - now_ms) <= _SKEW_MS:
        return Finding("clock", "ok", "agrees with this machine's")
    word = "ahead of" if ahead_s > 0 else "behind"
    return Finding("clock", "wrong", f"the server is {abs(ahead_s)} s {word} this machine; set both by NTP")


def _bucket(client: InfluxClient, name: str, found: dict[str, object] | None, days: int) -> Iterator[Finding]:
    what = f"bucket {name}"
    if found is None or not may_read(client, name):
        yield Finding(what, "wrong", "is not there, or the token may not read it; `saola store setup` makes it")
        return
    kept_days = kept_s(found) / _DAY_S
    if kept_days == days:
        yield Finding(what, "ok", f"keeps {_days(days)}")
    else:
        yield Finding(what, "wrong", f"keeps {_days(kept_days)}; expected {_days(days)}: `saola store setup` sets it")


def _scope(client: InfluxClient, file: InfluxFile) -> Finding:
    """A service's token should be able to do its work and no more."""
    try:
        seen = client.ask_json("GET", "/api/v2/authorizations").get("authorizations", [])
    except HttpRefused:
        seen = []
    if seen:
        return Finding("token", "wrong", "can see other tokens: this is an administrator's; give services those of `saola store setup`")
    writable = [name for name in file.buckets() if may_write(client, name)]
    if not writable:
        return Finding("token", "note", "reads only: right for pages, `saola sink` needs the write token")
    if len(writable) < len(file.buckets()):
        return Finding("token", "wrong", f"may write {', '.join(writable)} only; `saola store setup --rotate` makes a whole one")
    return Finding("token", "ok", "writes points and rollups")


def _types(client: InfluxClient, file: InfluxFile) -> Iterator[Finding]:
    """Quantities to which somebody once wrote anything but floats: new points of that time range will be refused."""
    for measurement, kinds in sorted(field_types(client, file.bucket).items()):
        if kinds - {"float"}:
            others = ", ".join(sorted(kinds - {"float"}))
            yield Finding(f"quantity {measurement}", "wrong", f"holds values of type {others} beside our float; points will be refused")


def _days(days: float) -> str:
    return f"{days:g} days" if days else "for ever"
