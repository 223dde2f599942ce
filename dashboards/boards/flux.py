"""The same question as Flux for InfluxDB 2, as Grafana publishes it: `v.timeRangeStart`, `v.timeRangeStop`, `v.windowPeriod` and the
variable `device` are Grafana's to fill in.

InfluxDB OSS has no query parameters, so text is escaped here: strings by `literal`, which also hides `$` and `[[` from Grafana, and what
the viewer chooses by Grafana's format `regex` inside a regular expression, where neither a quote nor `${` means anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import singledispatch
from zoneinfo import ZoneInfo

from city_model.registry import City
from dashboards.boards.question import (
    Bands,
    Count,
    Days,
    EventCounts,
    Events,
    Latest,
    Now,
    NowCounts,
    Of,
    Quantiles,
    Question,
    Silent,
    States,
    Total,
    Windows,
)
from dashboards.boards.scope import expected, expected_devices
from stream_processor.stores.flux_text import text

CHOSEN = "r.device =~ /^(?:${device:regex})$/"
_ROUND = "duration(v: (int(v: v.windowPeriod) + 59999999999) / 60000000000 * 60000000000)"
_EVERY = f"every = {_ROUND}"
_HOUR_NS = 3_600_000_000_000
_LABELS = {"series": ("_measurement", "device", "direction"), "device": ("_measurement", "device"), "all": ()}


def literal(value: str) -> str:
    """A string in a query that passes through Grafana, which would replace `$name`, `${name}` and `[[name]]`."""
    return text(value).replace("\\${", "${").replace("$", "\\x24").replace("[[", "[\\x5b").replace(".", "\\x2e")


def flux(question: Question, city: City, bucket: str = "saola") -> str:
    """The query; `bucket` is that of raw points, beside it `<bucket>_1m` and `<bucket>_1h`.

    Its rows have `_time`, `_value` and what tells the series apart: `_measurement`, `device`, `direction`, `quantile` or `state`.
    """
    imports, lines = _flux(question, city, bucket)
    return "\n".join([*(f'import "{name}"' for name in imports), *lines]) + "\n"


Parts = tuple[Sequence[str], Sequence[str]]
"""Imports and lines."""


@singledispatch
def _flux(question: Question, city: City, bucket: str) -> Parts:
    raise TypeError(question)


@_flux.register
def _windows(question: Windows, city: City, bucket: str) -> Parts:
    source = f"if int(v: every) % {_HOUR_NS} == 0 then {literal(f'{bucket}_1h')} else {literal(f'{bucket}_1m')}"
    return ("date",), (_EVERY, *_whole("every", "every"), f"source = {source}", *_bucketed(question, "source"))


@_flux.register
def _days(question: Days, city: City, bucket: str) -> Parts:
    rollups = "1h" if _whole_hours(city.timezone) else "1m"
    location = f"option location = timezone.location(name: {literal(city.timezone)})"
    lines = (location, "every = 1d", *_whole("1d", "26h"), *_bucketed(question, literal(f"{bucket}_{rollups}")))
    return ("date", "timezone"), lines


@_flux.register
def _total(question: Total, city: City, bucket: str) -> Parts:
    base = [*_source(literal(f"{bucket}_1m"), question.of, _fields(question.aggregate), "start", "stop"), _pool(question.split, "_field")]
    whole = "sum" if question.aggregate in ("mean", "count") else question.aggregate
    base += [f"  |> {whole}()"]
    if question.aggregate == "mean":
        base += ["  |> toFloat()", '  |> pivot(rowKey: ["_start"], columnKey: ["_field"], valueColumn: "_value")', *_MEAN]
    return ("date",), (*_whole("1m", "1m"), *base, "  |> toFloat()", _stamped("v.timeRangeStart"), _shown(question.split))


@_flux.register
def _quantiles(question: Quantiles, city: City, bucket: str) -> Parts:
    lines = [_EVERY, *_whole("every", "every"), *_named("points", _raw(bucket, question.of), _pool(question.split))]
    names = []
    for q in question.at:
        name = f"p{q * 100:g}".replace(".", "_")
        names.append(name)
        quantile = f'(column, tables=<-) => tables |> quantile(column: column, q: {_number(q)}, method: "exact_mean")'
        lines += [
            f"{name} = points",
            f'  |> aggregateWindow(every: every, fn: {quantile}, createEmpty: false, timeSrc: "_start")',
            f'  |> set(key: "quantile", value: "p{q * 100:g}")',
        ]
    together = f"union(tables: [{', '.join(names)}])" if len(names) > 1 else names[0]
    labels = ("quantile", *_LABELS[question.split])
    return ("date",), (*lines, together, f"  |> group(columns: [{_texts(labels)}])", '  |> sort(columns: ["_time"])', _kept(labels))


@_flux.register
def _latest(question: Latest, city: City, bucket: str) -> Parts:
    start = f"date.sub(d: {question.within_s}s, from: v.timeRangeStop)" if question.within_s else "v.timeRangeStart"
    lines = [*_raw(bucket, question.of, start, "v.timeRangeStop"), "  |> last()", *_above(question.above), _kept(_LABELS["series"])]
    return ("date",) if question.within_s else (), lines


@_flux.register
def _states(question: States, city: City, bucket: str) -> Parts:
    known = "if exists r._value then state(v: r._value) else -1.0"
    lines = [
        _state(question.bands), _EVERY, *_whole("every", "every"),
        *_source(literal(f"{bucket}_1m"), question.of, ("last",), "start", "stop"),
        '  |> aggregateWindow(every: every, fn: last, createEmpty: true, timeSrc: "_start")',
        f"  |> map(fn: (r) => ({{r with _value: {known}}}))", _kept(_LABELS["series"]),
    ]  # fmt: skip
    return ("date",), lines


@_flux.register
def _now(question: Now, city: City, bucket: str) -> Parts:
    by = ("device", "direction") if question.split == "series" else ("device",)
    lines = [
        *_each_now(question, city, bucket),
        f"  |> group(columns: [{_texts(by)}])",
        "  |> max()",
        _stamped("v.timeRangeStop"),
        _kept(by),
    ]
    return ("array", "date"), lines


@_flux.register
def _now_counts(question: NowCounts, city: City, bucket: str) -> Parts:
    lines = [
        *_each_now(question, city, bucket), '  |> group(columns: ["device", "direction"])', "  |> max()", "  |> group()",
        "  |> map(fn: (r) => ({state: string(v: r._value), _value: 1.0}))", '  |> group(columns: ["state"])', "  |> sum()",
        _stamped("v.timeRangeStop"), _kept(("state",)),
    ]  # fmt: skip
    return ("array", "date"), lines


@_flux.register
def _silent(question: Silent, city: City, bucket: str) -> Parts:
    start = f"date.sub(d: {question.within_s}s, from: v.timeRangeStop)"
    rows = (f"{{device: {literal(d.id)}, at: -1, due: 1}}" for d in expected_devices(city, question.of))
    newest = "identity: {at: -1, due: 0}, fn: (r, accumulator) => ({at: if r.at > accumulator.at then r.at else accumulator.at, " + (
        "due: if r.due > accumulator.due then r.due else accumulator.due})"
    )
    lines = [
        *_named("seen", _raw(bucket, question.of, start, "v.timeRangeStop"), "  |> last()", "  |> group()"),
        "  |> map(fn: (r) => ({device: r.device, at: int(v: r._time), due: 0}))", *_union(rows),
        '  |> group(columns: ["device"])', f"  |> reduce({newest})", "  |> group()",
        "  |> map(fn: (r) => ({r with age: int(v: v.timeRangeStop) - r.at}))",
        f"  |> filter(fn: (r) => r.due == 1 and (r.at < 0 or r.age >= {question.after_s * 1_000_000_000}))",
        '  |> map(fn: (r) => ({device: r.device, _time: if r.at < 0 then debug.null(type: "time") else time(v: r.at), '
        '_value: if r.at < 0 then debug.null(type: "float") else float(v: r.age) / 1000000000.0}))',
        '  |> sort(columns: ["device"])',
    ]  # fmt: skip
    return ("array", "date", "internal/debug"), lines


@_flux.register
def _count(question: Count, city: City, bucket: str) -> Parts:
    imports, lines = _flux(question.rows, city, bucket)
    last = max(place for place, line in enumerate(lines) if not line.startswith("  "))
    each = ("  |> group()", "  |> map(fn: (r) => ({r with _value: 1.0}))", '  |> keep(columns: ["_value"])')
    together = ("union(tables: [rows, array.from(rows: [{_value: 0.0}])])", "  |> group()", "  |> sum()", _stamped("v.timeRangeStop"))
    lines = [*lines[:last], *_named("rows", lines[last:], *each), *together]
    return sorted({"array", *imports}), lines


@_flux.register
def _events(question: Events, city: City, bucket: str) -> Parts:
    return (), [*_raw(bucket, question.of, "v.timeRangeStart", "v.timeRangeStop"), *_above(question.above), _kept(_LABELS["series"])]


@_flux.register
def _event_counts(question: EventCounts, city: City, bucket: str) -> Parts:
    lines = [
        _EVERY, *_whole("every", "every"), *_raw(bucket, question.of), *_above(question.above),
        '  |> group(columns: ["_measurement", "_start", "_stop"])',
        '  |> aggregateWindow(every: every, fn: count, createEmpty: true, timeSrc: "_start")', "  |> toFloat()", _kept(("_measurement",)),
    ]  # fmt: skip
    return ("date",), lines


_MEAN = ("  |> map(fn: (r) => ({r with _value: r.sum / r.count}))",)


def _bucketed(question: Windows | Days, source: str) -> list[str]:
    aggregate = question.aggregate
    fn = "sum" if aggregate in ("mean", "count") else aggregate
    lines = [*_source(source, question.of, _fields(aggregate), "start", "stop"), _pool(question.split, "_field")]
    lines += [f'  |> aggregateWindow(every: every, fn: {fn}, createEmpty: {str(question.empty != "none").lower()}, timeSrc: "_start")']
    lines += ["  |> toFloat()"]
    if aggregate == "mean":
        lines += ['  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")', *_MEAN]
    if question.empty == "zero":
        lines += ["  |> fill(value: 0.0)"]
    return [*lines, _shown(question.split)]


def _whole(unit: str, step: str) -> tuple[str, str]:
    """`start` and `stop` of whole windows: from the one that holds the start to the one that holds the last millisecond. `step` added to a
    window's beginning is in the next one (a day may have 25 hours)."""
    last = f"date.truncate(t: date.sub(d: 1ms, from: v.timeRangeStop), unit: {unit})"
    return (
        f"start = date.truncate(t: v.timeRangeStart, unit: {unit})",
        f"stop = date.truncate(t: date.add(d: {step}, to: {last}), unit: {unit})",
    )


def _raw(bucket: str, of: Of, start: str = "start", stop: str = "stop") -> list[str]:
    return _source(literal(bucket), of, ("value",), start, stop)


def _source(bucket: str, of: Of, fields: Sequence[str], start: str, stop: str) -> list[str]:
    one_of = " or ".join(f"r._measurement == {literal(name)}" for name in of.quantities)
    field = " or ".join(f'r._field == "{name}"' for name in fields)
    lines = [f"from(bucket: {bucket})", f"  |> range(start: {start}, stop: {stop})"]
    lines += [f"  |> filter(fn: (r) => {one_of})"] if one_of else []
    lines += [f"  |> filter(fn: (r) => {field})"]
    return lines + ([f"  |> filter(fn: (r) => {CHOSEN})"] if of.scope == "places" else [])


def _each_now(question: Now | NowCounts, city: City, bucket: str) -> list[str]:
    """Expected series as unknown and seen ones with their state, in one stream."""
    start = f"date.sub(d: {question.fresh_s}s, from: v.timeRangeStop)"
    direction = 'if exists r.direction then r.direction else ""'
    rows = (f"{{device: {literal(d)}, direction: {literal(way)}, _value: -1.0}}" for d, way in expected(city, question.of))
    return [
        _state(question.bands), *_named("seen", _raw(bucket, question.of, start, "v.timeRangeStop"), "  |> last()", "  |> group()"),
        f"  |> map(fn: (r) => ({{device: r.device, direction: {direction}, _value: state(v: r._value)}}))", *_union(rows),
    ]  # fmt: skip


def _union(rows: Iterable[str]) -> list[str]:
    """What is expected of the chosen devices, together with `seen`."""
    listed = ",\n  ".join(rows)
    if not listed:
        return ["seen"]
    return [f"expected = array.from(rows: [\n  {listed},\n])", f"  |> filter(fn: (r) => {CHOSEN})", "union(tables: [expected, seen])"]


def _named(name: str, lines: Sequence[str], *more: str) -> list[str]:
    return [f"{name} = {lines[0]}", *lines[1:], *more]


def _state(bands: Bands) -> str:
    sign = ">" if bands.beyond == "above" else "<"
    return "state = (v) => " + " + ".join(f"(if v {sign} {_number(bound)} then 1.0 else 0.0)" for bound in bands.bounds)


def _above(above: float | None) -> list[str]:
    return [] if above is None else [f"  |> filter(fn: (r) => r._value > {_number(above)})"]


def _pool(split: str, *more: str) -> str:
    return f"  |> group(columns: [{_texts((*_LABELS[split], *more, '_start', '_stop'))}])"


def _shown(split: str) -> str:
    return _kept(_LABELS[split])


def _kept(labels: Sequence[str]) -> str:
    return f"  |> keep(columns: [{_texts(('_time', '_value', *labels))}])"


def _stamped(at: str) -> str:
    return f"  |> map(fn: (r) => ({{r with _time: {at}}}))"


def _fields(aggregate: str) -> tuple[str, ...]:
    return ("sum", "count") if aggregate == "mean" else (aggregate,)


def _texts(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _number(value: float) -> str:
    """A float in Flux, which tells 1.0 from 1."""
    return f"{value:.12f}".rstrip("0").rstrip(".") + (".0" if value == int(value) else "")


def _whole_hours(zone: str) -> bool:
    """Whether its days begin at whole hours of UTC all the year."""
    offsets = [ZoneInfo(zone).utcoffset(datetime(2026, month, 1, tzinfo=UTC)) for month in (1, 7)]
    return all(offset is not None and offset.total_seconds() % 3600 == 0 for offset in offsets)
