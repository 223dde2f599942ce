"""A CSV of measurements as columns in order of time; what cannot be read is counted, with the first line numbers, and left out."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from city_model.events import Readings
from city_model.faults import ConfigError, Problem, Unavailable
from city_model.quantities import QUANTITIES
from edge_agent.sources.air_map import AirMap, Column, column_for
from edge_agent.sources.air_time import TimeReader, time_columns, time_reader

_MOST_CHARACTERS = 400_000_000  # also of what a small .gz becomes
_HEADER_WITHIN = 30  # lines
_SHOWN_LINES = 10
_COMPASS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
_WINDS = {name: k * 22.5 for k, name in enumerate(_COMPASS)}


@dataclass(slots=True)
class BadCells:
    """What was left out: counts by reason, and the first lines where it was."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[int] = field(default_factory=list)

    def add(self, reason: str, line: int) -> None:
        """Count a cell or row of `line`."""
        self.counts[reason] += 1
        if len(self.lines) < _SHOWN_LINES and line not in self.lines[-1:]:
            self.lines.append(line)

    def take(self, other: BadCells) -> None:
        """Count what another counted too."""
        self.counts.update(other.counts)
        self.lines = [*other.lines, *self.lines][:_SHOWN_LINES]

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} with {reason}" for reason, count in self.counts.items())
        return f"{reasons}; first in lines {', '.join(map(str, self.lines))}"


@dataclass(frozen=True, slots=True)
class AirTable:
    """`readings` in order of time, and what was left out."""

    readings: Readings
    bad: BadCells


@dataclass(frozen=True, slots=True)
class _Row:
    """Cells of a line, with its number in the file."""

    line: int
    cells: list[str]


@dataclass(slots=True)
class _Columns:
    """Readings being collected."""

    names: dict[str, int] = field(default_factory=dict)
    index: array[int] = field(default_factory=lambda: array("H"))
    at_ms: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))

    def add(self, quantity: str, at_ms: int, value: float) -> None:
        self.index.append(self.names.setdefault(quantity, len(self.names)))
        self.at_ms.append(at_ms)
        self.value.append(value)

    def in_order(self) -> Readings:
        at_ms = np.array(self.at_ms, np.int64)
        order = np.argsort(at_ms, kind="stable")
        return Readings(tuple(self.names), np.array(self.index, np.uint16)[order], at_ms[order], np.array(self.value, np.float64)[order])


def read_table(path: Path, air_map: AirMap) -> AirTable:
    """Read a `.csv` or `.csv.gz` of one station. Raises ConfigError when the map does not fit it, Unavailable when it cannot be read."""
    stations = read_stations(path, air_map)
    if len(stations) > 1:
        raise _wrong(path, "station", f"{len(stations)} of them: {', '.join(sorted(stations)[:5])} …", "one, named in the map")
    return next(iter(stations.values()), AirTable(_Columns().in_order(), BadCells()))


def read_stations(path: Path, air_map: AirMap) -> dict[str, AirTable]:
    """Tables by station, in order of appearance; with neither `station_column` nor `each_column` the only one is called "".

    Raises as `read_table`.
    """
    header, rows = _split(path, air_map)
    if air_map.start:
        air_map, header, rows = _counted(air_map, header, rows)
    when = time_reader(str(path), air_map, header, [row.cells for row in rows])
    if air_map.each_column is not None:
        return _each_column(air_map, air_map.each_column, header, rows, when)
    cells = _long_cells(path, air_map, header) if air_map.name_column else _wide_cells(path, air_map, header)
    found: dict[str, tuple[_Columns, BadCells]] = {}
    for row, station in _of_stations(path, air_map, header, rows):
        out, bad = found.setdefault(station, (_Columns(), BadCells()))
        at_ms = _time(when, row, bad)
        if at_ms is not None:
            for column, place in cells(row):
                value = _value(row.cells[place], column, air_map, row.line, bad) if place < len(row.cells) else None
                if value is not None:
                    out.add(column.quantity, at_ms, value)
    return {station: AirTable(out.in_order(), bad) for station, (out, bad) in found.items()}


def _counted(air_map: AirMap, header: list[str], rows: list[_Row]) -> tuple[AirMap, list[str], list[_Row]]:
    """A column of times in front, as the map counts them from line to line."""
    start = datetime.fromisoformat(air_map.start)
    first = rows[0].line if rows else 0
    timed = [_Row(row.line, [(start + timedelta(seconds=air_map.step_s * (row.line - first))).isoformat(), *row.cells]) for row in rows]
    return replace(air_map, time=("start",), time_format="iso"), ["start", *header], timed


def _each_column(air_map: AirMap, column: Column, header: list[str], rows: list[_Row], when: TimeReader) -> dict[str, AirTable]:
    """A station for every column but the time's, those that the map wants."""
    times = time_columns(air_map, header)
    places = [(name, i) for i, name in enumerate(header) if i not in times and name and air_map.station in ("", name)]
    found = {name: (_Columns(), BadCells()) for name, _ in places}
    unreadable = BadCells()
    for row in rows:
        at_ms = _time(when, row, unreadable)
        for name, place in places:
            out, bad = found[name]
            value = _value(row.cells[place], column, air_map, row.line, bad) if at_ms is not None and place < len(row.cells) else None
            if value is not None and at_ms is not None:
                out.add(column.quantity, at_ms, value)
    if places:
        found[places[0][0]][1].take(unreadable)  # told once, not of every station
    return {name: AirTable(out.in_order(), bad) for name, (out, bad) in found.items()}


def _of_stations(path: Path, air_map: AirMap, header: list[str], rows: list[_Row]) -> Iterator[tuple[_Row, str]]:
    """Rows with their station, those that the map wants."""
    if not air_map.station_column:
        yield from ((row, "") for row in rows)
        return
    _expect(path, "station_column", [air_map.station_column], header)
    place = header.index(air_map.station_column)
    for row in rows:
        station = row.cells[place].strip() if place < len(row.cells) else ""
        if station and air_map.station in ("", station):
            yield row, station


def _split(path: Path, air_map: AirMap) -> tuple[list[str], list[_Row]]:
    text = _text(path)
    lines = text.splitlines()
    start, separator = _header_at(path, air_map, lines)
    reader = csv.reader(io.StringIO("\n".join(lines[start:])), delimiter=separator)
    try:
        header = [name.strip() for name in next(reader)]
        return header, [_Row(start + reader.line_num, cells) for cells in reader if any(cells)]
    except csv.Error as err:
        raise _wrong(path, "(file)", str(err), "a CSV file") from err


def _text(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            data = stream.read(_MOST_CHARACTERS + 1)
    except (OSError, EOFError, zlib.error) as err:
        raise Unavailable(f"{path}: {err}") from err
    if len(data) > _MOST_CHARACTERS:
        raise _wrong(path, "(file)", "too large", f"at most {_MOST_CHARACTERS} bytes")
    return data.decode("utf-8-sig", "replace").replace("\0", "")


def _header_at(path: Path, air_map: AirMap, lines: list[str]) -> tuple[int, str]:
    """(line of the header, separator): where names that we know stand beside a time."""
    wanted = [air_map.skip_lines] if air_map.skip_lines is not None else range(min(_HEADER_WITHIN, len(lines)))
    for start in wanted:
        for separator in [air_map.separator] if air_map.separator else [",", ";", "\t"]:
            names = [name.strip().strip('"') for name in lines[start].split(separator)] if start < len(lines) else []
            if _is_header(air_map, names):
                return start, separator
    looked = ", ".join(air_map.columns) or "names such as PM2.5, NO2, TEMP"
    raise _wrong(path, "(header)", "not found", f"a line with {looked} and {', '.join(air_map.time) or 'a time'}")


def _is_header(air_map: AirMap, names: list[str]) -> bool:
    is_timed = bool(air_map.start) or bool(time_columns(air_map, names))
    if air_map.each_column is not None:
        return is_timed and len(names) > 1
    return is_timed and (air_map.value_column in names if air_map.value_column else any(_column(air_map, name) for name in names))


def _column(air_map: AirMap, name: str) -> Column | None:
    return air_map.columns.get(name) if air_map.columns else column_for(name)


_Cells = Callable[[_Row], list[tuple[Column, int]]]
"""Which cells of a row are measurements, and of what."""


def _wide_cells(path: Path, air_map: AirMap, header: list[str]) -> _Cells:
    """The same columns in every row."""
    _expect(path, "columns", list(air_map.columns), header)
    fixed = [(column, i) for i, name in enumerate(header) if (column := _column(air_map, name)) is not None]
    return lambda _: fixed


def _long_cells(path: Path, air_map: AirMap, header: list[str]) -> _Cells:
    """One measurement a row; a cell names it."""
    _expect(path, "name_column", [air_map.name_column, air_map.value_column], header)
    name_at, value_at = header.index(air_map.name_column), header.index(air_map.value_column)

    def cells(row: _Row) -> list[tuple[Column, int]]:
        column = _column(air_map, row.cells[name_at].strip()) if name_at < len(row.cells) else None
        return [] if column is None else [(column, value_at)]

    return cells


def _expect(path: Path, key: str, names: list[str], header: list[str]) -> None:
    if missing := [name for name in names if name not in header]:
        raise _wrong(path, key, "no column " + ", ".join(missing), "names that stand in the header: " + ", ".join(header))


def _time(when: TimeReader, row: _Row, bad: BadCells) -> int | None:
    try:
        return when(row.cells)
    except (ValueError, IndexError, OverflowError):
        bad.add("an unreadable time", row.line)
        return None


def _value(cell: str, column: Column, air_map: AirMap, line: int, bad: BadCells) -> float | None:
    text = cell.strip()
    if text in air_map.missing:
        return None
    if column.quantity == "wind_direction" and text.upper() in _WINDS:
        return _WINDS[text.upper()]
    try:
        factor, offset = column.scale
        value = float(text.replace(",", ".") if air_map.decimal == "," else text) * factor + offset
    except ValueError:
        bad.add("an unreadable number", line)
        return None
    quantity = QUANTITIES[column.quantity]
    if not quantity.low <= value <= quantity.high:
        bad.add(f"{column.quantity} outside {quantity.low:g}..{quantity.high:g} {quantity.unit}", line)
        return None
    return value


def _wrong(path: Path, key: str, found: str, expected: str) -> ConfigError:
    return ConfigError([Problem(str(path), key, found, expected)])
