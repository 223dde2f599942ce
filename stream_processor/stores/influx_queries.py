"""What the store asks InfluxDB, as InfluxQL: its answers are JSON, half the work of Flux's annotated CSV for us, and one pass gives several
aggregates. InfluxDB 2 answers it for every bucket without further set-up."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from stream_processor.stores.flux_text import rows_of_csv, text, time_ms
from stream_processor.stores.influx_client import InfluxClient
from stream_processor.stores.influx_names import identifier, joined, literal, parts
from stream_processor.stores.port import Bucket, Latest

_LIMIT_MS = 9_223_372_036_854
"""InfluxDB's times are 64-bit nanoseconds."""
_MANY_DEVICES = 1000
_ROLLED = 'sum("count") AS c, sum("sum") AS s, min("min") AS lo, max("max") AS hi, last("last") AS l'


def raw(client: InfluxClient, bucket: str, series: str, start_ms: int, stop_ms: int, most: int) -> list[list[Any]]:
    """[time, value] rows of a series, oldest first."""
    statement = f'SELECT "value" FROM {_measurement(series)} WHERE {_of(series)} AND {_within(start_ms, stop_ms)} LIMIT {max(most, 1)}'
    return next((one["values"] for one in client.influxql(bucket, statement)), [])[: max(most, 0)]


def marked(client: InfluxClient, bucket: str, series: str, start_ms: int, stop_ms: int, most: int) -> list[list[Any]]:
    """[time, flags] rows of the points of a series that have any flag, oldest first."""
    where = f'{_of(series)} AND {_within(start_ms, stop_ms)} AND "flags" > 0'
    statement = f'SELECT "flags" FROM {_measurement(series)} WHERE {where} LIMIT {max(most, 1)}'
    return next((one["values"] for one in client.influxql(bucket, statement)), [])[: max(most, 0)]


def rollup(client: InfluxClient, bucket: str, series: str, start_ms: int, stop_ms: int, width_ms: int) -> list[Bucket]:
    """Buckets of a series out of a bucket of rollups, joined to `width_ms` by the server."""
    statement = (
        f"SELECT {_ROLLED} FROM {_measurement(series)} WHERE {_of(series)} AND {_within(start_ms, stop_ms)}"
        f" GROUP BY time({width_ms}ms) fill(none)"
    )
    return [_bucket(row) for one in client.influxql(bucket, statement) for row in one["values"]]


def stored(
    client: InfluxClient, bucket: str, fields: Sequence[str], series: Collection[str], start_ms: int, stop_ms: int
) -> Iterator[tuple[str, list[Any]]]:
    """(series, [time, *fields]) of what `bucket` holds in [start, stop), of the given series and perhaps of others beside them."""
    measurements = ", ".join(sorted({_measurement(one) for one in series}))
    devices = {parts(one)[0] for one in series}
    chosen = f' AND "device" =~ /^(?:{"|".join(_pattern(one) for one in sorted(devices))})$/' if len(devices) <= _MANY_DEVICES else ""
    columns = ", ".join(f'"{name}"' for name in fields)
    statement = f'SELECT {columns}, "device", "direction" FROM {measurements} WHERE {_within(start_ms, stop_ms)}{chosen}'
    for one in client.influxql(bucket, statement):
        quantity = one["name"]
        for *row, device, direction in one["values"]:
            yield joined(device or "", direction or "", quantity), row


def latest(client: InfluxClient, bucket: str, prefix: str) -> list[Latest]:
    """The newest point of each series whose name starts with `prefix`, by name.

    In Flux, whose last() is answered from the index: over 13 weeks of 1,000 series 0.1 s of CPU, where InfluxQL's takes 1.1 s. But it
    passes over series of a quantity that has values of several types; those are asked for in InfluxQL.
    """
    mixed = [name for name, kinds in field_types(client, bucket).items() if len(kinds) > 1]
    found = {one.series: one for one in _latest_flux(client, bucket, prefix)}
    found |= {one.series: one for one in _latest_influxql(client, bucket, prefix, mixed)}
    return [found[name] for name in sorted(found) if name.startswith(prefix)]


def _latest_flux(client: InfluxClient, bucket: str, prefix: str) -> Iterator[Latest]:
    device, slash, _ = prefix.partition("/")
    exact = f"r.device == {text(device)}" if slash else f"r.device =~ /^{_pattern(prefix)}/"
    query = (
        f"from(bucket: {text(bucket)}) |> range(start: time(v: -{_LIMIT_MS}000000), stop: time(v: {_LIMIT_MS}000000))"
        f' |> filter(fn: (r) => (r._field == "value" or r._field == "flags"){f" and {exact}" if prefix else ""}) |> last()'
    )
    newest: dict[str, tuple[int, float]] = {}
    flags: dict[str, int] = {}
    for row in rows_of_csv(client.flux(query)):
        name = joined(row.get("device", ""), row.get("direction", ""), row["_measurement"])
        if row["_field"] == "flags":
            flags[name] = int(row["_value"])
        elif row["#_value"] in ("double", "long"):  # what is neither, somebody else wrote
            newest[name] = time_ms(row["_time"]), float(row["_value"])
    return (Latest(name, *point, flags.get(name, 0)) for name, point in newest.items())


def _latest_influxql(client: InfluxClient, bucket: str, prefix: str, measurements: Sequence[str]) -> Iterator[Latest]:
    if not measurements:
        return
    device, slash, _ = prefix.partition("/")
    where = f'WHERE "device" = {literal(device)} ' if slash else ""
    names = ", ".join(map(identifier, measurements))
    for one in client.influxql(bucket, f'SELECT last("value") AS v, "flags" FROM {names} {where}GROUP BY "device", "direction"'):
        at_ms, value, flags = one["values"][-1]
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield Latest(_name(one), int(at_ms), float(value), int(flags or 0))


def field_types(client: InfluxClient, bucket: str) -> dict[str, set[str]]:
    """Of each measurement, the types its field `value` has had."""
    found: dict[str, set[str]] = {}
    for one in client.influxql(bucket, "SHOW FIELD KEYS"):
        kinds = {row[1] for row in one["values"] if row[0] == "value"}
        if kinds:
            found.setdefault(one["name"], set()).update(kinds)
    return found


def _measurement(series: str) -> str:
    return identifier(parts(series)[2])


def _of(series: str) -> str:
    device, direction, _ = parts(series)
    return f'"device" = {literal(device)} AND "direction" = {literal(direction)}'


def _within(start_ms: int, stop_ms: int) -> str:
    start_ms, stop_ms = (min(max(edge, -_LIMIT_MS), _LIMIT_MS) for edge in (start_ms, stop_ms))
    return f"time >= {start_ms}ms AND time < {stop_ms}ms"


def _pattern(text: str) -> str:
    """A regular expression that matches `text` alone, inside slashes."""
    return "".join(one if one.isalnum() or one in "_ " or ord(one) > 127 else "\\" + one for one in text)


def _name(found: dict[str, Any]) -> str:
    tags = found.get("tags") or {}
    return joined(tags.get("device", ""), tags.get("direction", ""), found["name"])


def _bucket(row: list[Any]) -> Bucket:
    at_ms, count, total, low, high, last = row
    return Bucket(int(at_ms), int(count), float(total), float(low), float(high), float(last))
