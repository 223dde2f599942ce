"""The job's inputs as files, made once into a folder, each with the digest of what the scalar oracle makes of it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.peers import job, stream
from benchmarks.peers.stream import Rows
from city_model.codec import packed
from city_model.events import Readings

_PACKED_ROWS = 10_000
_PACK = 64
Files = dict[str, tuple[Path, str]]


def made(folder: Path, readings: int) -> Files:
    """Name of the input → (file, digest of the output): uniform, backfill, hot, wide, packed, senml1, senml4."""
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / f"digests-{readings}.json"
    names = ("uniform", "backfill", "hot", "wide", "packed", "senml1", "senml4")
    paths = {name: folder / f"{name}-{readings}" for name in names}
    if not known.exists():
        rows = stream.uniform(readings)
        good = stream.good(rows)
        digests: dict[str, str] = {}
        for name, one in _variants(rows, readings):
            stream.write_lines(one, paths[name])
            digests[name] = oracle(one)
        _write_packed(good, paths["packed"])
        digests["packed"] = oracle(good)
        order = _by_packs(good)
        for name, write in _senml_writers():
            write(order, paths[name])
            digests[name] = oracle(order)
        known.write_text(json.dumps(digests), encoding="utf-8")
    digests = json.loads(known.read_text(encoding="utf-8"))
    return {name: (path, digests[name]) for name, path in paths.items()}


def _variants(rows: Rows, readings: int) -> Iterator[tuple[str, Rows]]:
    yield "uniform", rows
    yield "backfill", stream.backfill(rows)
    yield "hot", stream.hot(rows)
    yield "wide", stream.uniform(readings, 50_000)


def oracle(rows: Rows) -> str:
    """The digest of what `job.take` makes of the readings that are not spoilt."""
    states: dict[int, list[object]] = {}
    changes = []
    whole = rows.spoilt == 0
    for sensor, ts, x in zip(rows.sensor[whole].tolist(), rows.at_ms[whole].tolist(), rows.pm25[whole].tolist(), strict=True):
        state = states.get(sensor)
        if state is None:
            state = states[sensor] = job.new_state()
        if (word := job.take(state, ts, x)) in ("O", "C"):
            changes.append((f"hn-aq-{sensor:05d}", ts, word))
    return job.digest(changes)


def _write_packed(rows: Rows, path: Path) -> None:
    names = tuple(f"hn-aq-{k:05d}/pm25" for k in range(int(rows.sensor.max()) + 1))
    with path.open("wb") as file:
        for at in range(0, len(rows.sensor), _PACKED_ROWS):
            part = slice(at, at + _PACKED_ROWS)
            body = packed.encode(Readings(names, rows.sensor[part].astype(np.uint16), rows.at_ms[part], rows.pm25[part]))
            file.write(struct.pack("<I", len(body)) + body)


def _by_packs(rows: Rows) -> Rows:
    """As senders that wait until they have 64 readings would deliver them: packs in the order in which they became full."""
    by_sensor = np.argsort(rows.sensor, kind="stable")
    sensor = rows.sensor[by_sensor]
    first = np.searchsorted(sensor, sensor)
    rank = np.arange(len(sensor)) - first
    length = np.searchsorted(sensor, sensor, side="right") - first
    full_at = by_sensor[first + np.minimum((rank // _PACK + 1) * _PACK, length) - 1]
    index = by_sensor[np.lexsort((rank, full_at))]
    return Rows(rows.sensor[index], rows.at_ms[index], rows.seq[index], rows.pm25[index], rows.spoilt[index])


def _senml_writers() -> Iterator[tuple[str, Callable[[Rows, Path], None]]]:
    yield "senml1", lambda rows, path: _write_senml(rows, path, False)
    yield "senml4", lambda rows, path: _write_senml(rows, path, True)


def _write_senml(rows: Rows, path: Path, four: bool) -> None:
    edges = np.flatnonzero(np.diff(rows.sensor, prepend=-1))
    starts = [s for a, b in zip(edges, [*edges[1:], len(rows.sensor)], strict=True) for s in range(int(a), int(b), _PACK)]
    columns = [column.tolist() for column in (rows.sensor, rows.at_ms, rows.pm25)]
    with path.open("wb") as file:
        for start, stop in zip(starts, [*starts[1:], len(rows.sensor)], strict=True):
            sensor, at_ms, pm25 = (column[start:stop] for column in columns)
            file.write(_pack(sensor, at_ms, pm25, four) + b"\n")


def _pack(sensor: list[int], at_ms: list[int], pm25: list[float], four: bool) -> bytes:
    base = at_ms[0]
    records = []
    for at, x in zip(at_ms, pm25, strict=True):
        t = (at - base) / 1000
        values = [("pm25", "ug/m3", x)]
        if four:
            values += [("pm10", "ug/m3", round(x * 1.6, 1)), ("temperature", "Cel", 25.5), ("humidity", "%RH", 70.1)]
        records += [{"n": name, "u": unit, "v": value, "t": t} for name, unit, value in values]
    records[0] = {"bn": f"hn-aq-{sensor[0]:05d}:", "bt": base / 1000} | records[0]
    return json.dumps(records, separators=(",", ":")).encode()
