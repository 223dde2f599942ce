"""SeriesStore on InfluxDB 2: raw points, minutes and hours in three buckets, each with its own retention.

A write is synchronous: on return the server has it. Rollups are computed again from what the server holds for each bucket of time that
the write touched (the hour from its minutes), so a batch that comes a day late, twice, or cut differently ends the same; a downsampling
task would miss what comes late. Points the server will not take are found by halving and named in the answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from city_model.faults import ConfigError, Rejected, Unavailable
from stream_processor.stores import influx_queries
from stream_processor.stores.bisect import Refusal, Rows, send_around
from stream_processor.stores.influx_client import HttpRefused, InfluxClient
from stream_processor.stores.influx_file import load_influx_file
from stream_processor.stores.influx_names import head_of
from stream_processor.stores.influx_rollups import Rollups, send
from stream_processor.stores.influx_words import explained
from stream_processor.stores.line_protocol import lines
from stream_processor.stores.port import Bucket, Latest, Points, RefusedRow, Written
from stream_processor.stores.rollup import HOUR_MS, aligned, checked_width_ms

_LINES_A_REQUEST = 20_000
log = logging.getLogger("saola.influx")


class InfluxStore:
    """Blocking calls that threads may share. Nothing is asked of the server before the first of them."""

    def __init__(self, path: Path, timeout_ms: int = 30_000, clock: Callable[[], float] = time.monotonic) -> None:
        """`path` is the file of `influx_file`; a request is given up after `timeout_ms`; `clock` gives seconds. Raises ConfigError."""
        self._path = path
        self._file = load_influx_file(path)
        self._client = InfluxClient(self._file, timeout_ms)
        self._raw, self._minutes, self._hours = self._file.buckets()
        self._rollups = Rollups(self._client, *self._file.buckets(), clock)
        self._turn = threading.Lock()
        self._worked = False

    def write(self, points: Points) -> Written:
        """As the port says. Raises ConfigError when the first request finds a wrong token, organisation or bucket."""
        if not len(points.at_ms):
            return Written()
        if not np.isfinite(points.value).all():
            raise Rejected("not_finite", "a value of a point is NaN or infinite")
        heads, refused = _heads(points)
        rows = _in_order(points, {one.row for one in refused})
        left_out: list[Rows] = []
        expired = 0
        with self._turn, self._explained("write"):
            for first in range(0, len(rows), _LINES_A_REQUEST):
                for bad, why in send_around(lambda part: self._send(points, heads, part), rows[first : first + _LINES_A_REQUEST]):
                    left_out.append(bad)
                    if "outside retention policy" in why:
                        expired += len(bad)
                    else:
                        refused += [RefusedRow(int(row), *_reason(why)) for row in bad]
            stored = np.setdiff1d(rows, np.concatenate(left_out)) if left_out else rows
            self._rollups.again(points.series, points.series_index[stored], points.at_ms[stored], points.value[stored])
        return Written(tuple(refused), expired)

    def raw(self, series: str, start_ms: int, stop_ms: int, most: int = 10_000) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times and values in [start, stop), oldest first."""
        rows: list[list[float]] = []
        if _speakable(series):
            with self._explained("read"):
                rows = influx_queries.raw(self._client, self._raw, series, start_ms, stop_ms, most)
        return np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.float64)

    def marked(self, series: str, start_ms: int, stop_ms: int, most: int = 10_000) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Times and flags of the points in [start, stop) that have any, oldest first."""
        rows: list[list[int]] = []
        if _speakable(series):
            with self._explained("read"):
                rows = influx_queries.marked(self._client, self._raw, series, start_ms, stop_ms, most)
        return np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.uint8)

    def rollup(self, series: str, start_ms: int, stop_ms: int, width_ms: int) -> list[Bucket]:
        """Buckets that hold points and start in [start, stop), aligned to the epoch. Raises Rejected for a width not of whole minutes."""
        first, end = aligned(start_ms, stop_ms, checked_width_ms(width_ms))
        if not _speakable(series):
            return []
        with self._explained("read"):
            return influx_queries.rollup(self._client, self._minutes if width_ms % HOUR_MS else self._hours, series, first, end, width_ms)

    def latest(self, prefix: str = "") -> list[Latest]:
        """The newest point, by event time, of every series whose name starts with `prefix`, by name."""
        if not prefix.isprintable():
            return []  # no series has such a name: line protocol cannot carry it
        with self._explained("read"):
            return influx_queries.latest(self._client, self._raw, prefix)

    def forget(self) -> None:
        """As the port says."""
        with self._turn:
            self._rollups.forget()

    def close(self) -> None:
        self._client.close()

    def _send(self, points: Points, heads: Sequence[bytes], rows: Rows) -> Refusal | None:
        fields: dict[str, NDArray[Any]] = {"value": points.value[rows], "flags": points.flags[rows]}
        return send(self._client, self._raw, lines(heads, points.series_index[rows], points.at_ms[rows], fields))

    @contextmanager
    def _explained(self, what: Literal["read", "write"]) -> Iterator[None]:
        """Refusals of the token or of a name in words. Before anything has worked they are configuration; later the server was changed
        under us, which somebody may mend: Unavailable."""
        try:
            yield
        except HttpRefused as err:
            problem = explained(self._file, str(self._path), what, err)
            if self._worked or problem is None:
                raise Unavailable(f"influxdb: {self._client.url}: {problem or err}") from err
            raise ConfigError([problem]) from err
        self._worked = True


def _heads(points: Points) -> tuple[list[bytes], list[RefusedRow]]:
    """The beginning of each series' lines, and the rows of those that have none."""
    heads: list[bytes] = []
    refused: list[RefusedRow] = []
    for number, name in enumerate(points.series):
        try:
            heads.append(head_of(name))
        except Rejected as err:
            heads.append(b"")
            refused += [RefusedRow(int(row), err.code, err.detail) for row in np.flatnonzero(points.series_index == number)]
    return heads, refused


def _in_order(points: Points, without: set[int]) -> Rows:
    """Rows by quantity and time, so that rows refused for one reason stand together; of two for one place only the last."""
    quantities: dict[str, int] = {}
    kind = np.array([quantities.setdefault(name.rpartition("/")[2], len(quantities)) for name in points.series])
    numbers = np.arange(len(points.at_ms))
    order: Rows = np.lexsort((numbers, points.series_index, points.at_ms, kind[points.series_index]))
    series, at_ms = points.series_index[order], points.at_ms[order]
    order = order[np.append((np.diff(series) != 0) | (np.diff(at_ms) != 0), True)]
    return order[~np.isin(order, list(without))] if without else order


def _reason(why: str) -> tuple[str, str]:
    """(code, detail) of a refused row."""
    return ("type_conflict" if "type conflict" in why else "refused"), (why.partition("partial write: ")[2] or why)[:300]


def _speakable(series: str) -> bool:
    """Whether there can be such a series; a name from outside may be anything."""
    try:
        head_of(series)
    except Rejected:
        return False
    return True
