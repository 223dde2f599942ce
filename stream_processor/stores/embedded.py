"""SeriesStore on SQLite: raw points, rollups per minute and hour, and the newest point of every series.

Rollups are never added to: each bucket that a write touches is computed again from the raw points (the hour from its minutes), so
a batch that arrives a day late, twice, or cut differently leaves exactly the same rows.

Points older than the store keeps (`Keep`) are not taken: a rollup computed from them alone would be wrong.

Durability: WAL with synchronous=NORMAL. A power cut may undo the last transactions, never tear them; the sink commits its offset after
the write and the log is the truth, so what is undone can be written again.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from city_model.clock import Clock, WallClock
from city_model.faults import Rejected, Unavailable
from stream_processor.stores.embedded_retention import Retention
from stream_processor.stores.keep import Keep
from stream_processor.stores.port import Bucket, Latest, Points, Written
from stream_processor.stores.rollup import HOUR_MS, MINUTE_MS, aligned, checked_width_ms, widen

FORMAT = 1
_READERS = 4

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS point (series INTEGER, at_ms INTEGER, value REAL NOT NULL, flags INTEGER NOT NULL,
  PRIMARY KEY (series, at_ms)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minute (series INTEGER, start_ms INTEGER, count INTEGER, sum REAL, min REAL, max REAL, last REAL,
  PRIMARY KEY (series, start_ms)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hour (series INTEGER, start_ms INTEGER, count INTEGER, sum REAL, min REAL, max REAL, last REAL,
  PRIMARY KEY (series, start_ms)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS latest (series INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, value REAL NOT NULL, flags INTEGER NOT NULL);
PRAGMA user_version = {FORMAT};
"""

_TOUCHED = "CREATE TEMP TABLE touched (series INTEGER, start_ms INTEGER, PRIMARY KEY (series, start_ms)) WITHOUT ROWID"

_MINUTES_AGAIN = f"""
INSERT OR REPLACE INTO minute
SELECT t.series, t.start_ms, count(*), sum(p.value), min(p.value), max(p.value),
  (SELECT value FROM point WHERE series = t.series AND at_ms < t.start_ms + {MINUTE_MS} ORDER BY at_ms DESC LIMIT 1)
FROM touched t CROSS JOIN point p ON p.series = t.series AND p.at_ms >= t.start_ms AND p.at_ms < t.start_ms + {MINUTE_MS}
GROUP BY t.series, t.start_ms
"""

_HOURS_AGAIN = f"""
INSERT OR REPLACE INTO hour
SELECT t.series, t.start_ms, sum(m.count), sum(m.sum), min(m.min), max(m.max),
  (SELECT last FROM minute WHERE series = t.series AND start_ms < t.start_ms + {HOUR_MS} ORDER BY start_ms DESC LIMIT 1)
FROM touched t CROSS JOIN minute m ON m.series = t.series AND m.start_ms >= t.start_ms AND m.start_ms < t.start_ms + {HOUR_MS}
GROUP BY t.series, t.start_ms
"""

_LATEST = """
INSERT INTO latest VALUES (?, ?, ?, ?) ON CONFLICT (series) DO UPDATE
SET at_ms = excluded.at_ms, value = excluded.value, flags = excluded.flags WHERE excluded.at_ms >= latest.at_ms
"""


class EmbeddedStore:
    """One file. Writers take turns; up to four readers work beside them. Other processes may open the same file."""

    def __init__(self, path: Path, keep: Keep | None = None, clock: Clock | None = None) -> None:
        """`clock` is the machine's unless given: nothing is deleted for being older than a time that has not come yet."""
        self._path = path
        self._retention = Retention(keep or Keep())
        self._clock = clock or WallClock()
        self._ids: dict[str, int] = {}
        self._turn = threading.Lock()
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._check_format()
            self._writer.execute(_TOUCHED)
            self._newest_ms: int | None = self._writer.execute("SELECT max(at_ms) FROM latest").fetchone()[0]
            self._all = [self._writer]
            for _ in range(_READERS):
                reader = self._connect()
                reader.execute("PRAGMA query_only = ON")
                self._all.append(reader)
                self._readers.put(reader)

    def write(self, points: Points) -> Written:
        """Insert or replace by (series, time); the last of two rows for the same place in one call wins. Raises Rejected for NaN."""
        if not len(points.at_ms):
            return Written()
        if not np.isfinite(points.value).all():
            raise Rejected("not_finite", "a value of a point is NaN or infinite")
        with self._turn, self._translated(), self._transaction() as db:
            now_ms = self._now_ms(int(points.at_ms.max()))
            kept, expired = _kept(points, self._retention.raw_cut_ms(now_ms))
            rows = self._rows(db, kept)
            series, at_ms, value, flags = rows
            columns = zip(series.tolist(), at_ms.tolist(), value.tolist(), flags.tolist(), strict=True)
            db.executemany("INSERT OR REPLACE INTO point VALUES (?, ?, ?, ?)", columns)
            self._again(db, _MINUTES_AGAIN, series, at_ms, MINUTE_MS)
            self._again(db, _HOURS_AGAIN, series, at_ms, HOUR_MS)
            newest = np.flatnonzero(np.append(np.diff(series) != 0, True)) if len(series) else np.empty(0, np.int64)
            db.executemany(_LATEST, zip(*(column[newest].tolist() for column in rows), strict=True))
            self._retention.step(db, now_ms)
        return Written(expired=expired)

    def raw(self, series: str, start_ms: int, stop_ms: int, most: int = 10_000) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times and values in [start, stop), oldest first."""
        rows = self._query(
            "SELECT at_ms, value FROM point WHERE series = (SELECT id FROM series WHERE name = ?) AND at_ms >= ? AND at_ms < ?"
            " ORDER BY at_ms LIMIT ?",
            (series, start_ms, stop_ms, most),
        )
        return np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.float64)

    def marked(self, series: str, start_ms: int, stop_ms: int, most: int = 10_000) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Times and flags of the points in [start, stop) that have any, oldest first."""
        rows = self._query(
            "SELECT at_ms, flags FROM point WHERE series = (SELECT id FROM series WHERE name = ?) AND at_ms >= ? AND at_ms < ?"
            " AND flags <> 0 ORDER BY at_ms LIMIT ?",
            (series, start_ms, stop_ms, most),
        )
        return np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.uint8)

    def rollup(self, series: str, start_ms: int, stop_ms: int, width_ms: int) -> list[Bucket]:
        """Buckets that hold points and start in [start, stop), aligned to the epoch. Raises Rejected for a width not of whole minutes."""
        first, end = aligned(start_ms, stop_ms, checked_width_ms(width_ms))
        table = "minute" if width_ms % HOUR_MS else "hour"
        rows = self._query(
            f"SELECT start_ms, count, sum, min, max, last FROM {table}"
            " WHERE series = (SELECT id FROM series WHERE name = ?) AND start_ms >= ? AND start_ms < ? ORDER BY start_ms",
            (series, first, end),
        )
        return list(widen(cast("list[tuple[int, int, float, float, float, float]]", rows), width_ms))

    def latest(self, prefix: str = "") -> list[Latest]:
        """The newest point, by event time, of every series whose name starts with `prefix`, by name."""
        rows = self._query(
            "SELECT name, at_ms, value, flags FROM latest JOIN series ON id = series WHERE substr(name, 1, ?) = ? ORDER BY name",
            (len(prefix), prefix),
        )
        return [Latest(*row) for row in rows]

    def forget(self) -> None:
        """Nothing is remembered: rollups are computed in the file."""

    def close(self) -> None:
        """Close the file. No call may be under way."""
        with self._turn:
            for connection in self._all:
                connection.close()

    def _now_ms(self, newest_ms: int) -> int:
        """The newest time the store has seen, but never ahead of the clock."""
        self._newest_ms = newest_ms if self._newest_ms is None else max(self._newest_ms, newest_ms)
        return min(self._newest_ms, self._clock.now_ms())

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10.0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -8000")  # KiB, negative by SQLite's convention
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def _check_format(self) -> None:
        found = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, FORMAT):
            raise Unavailable(f"{self._path}: series store of format {found}; this version reads {FORMAT}")
        self._writer.executescript(_SCHEMA)

    def _rows(self, db: sqlite3.Connection, points: Points) -> tuple[NDArray[np.int64], ...]:
        """(series id, at_ms, value, flags), ordered by series and time, one row for each place: the last given."""
        ids = np.array([self._id(db, name) for name in points.series], np.int64)
        series = ids[points.series_index]
        order = np.lexsort((np.arange(len(series)), points.at_ms, series))
        series, at_ms = series[order], points.at_ms[order]
        keep = np.append((np.diff(series) != 0) | (np.diff(at_ms) != 0), True)[: len(order)]
        chosen = order[keep]
        return series[keep], at_ms[keep], points.value[chosen], points.flags[chosen]

    def _id(self, db: sqlite3.Connection, name: str) -> int:
        if (known := self._ids.get(name)) is None:
            db.execute("INSERT OR IGNORE INTO series (name) VALUES (?)", (name,))
            known = self._ids[name] = int(db.execute("SELECT id FROM series WHERE name = ?", (name,)).fetchone()[0])
        return known

    def _again(self, db: sqlite3.Connection, sql: str, series: NDArray[np.int64], at_ms: NDArray[np.int64], width_ms: int) -> None:
        """Compute again the buckets that these (ordered) rows touch."""
        start_ms = at_ms // width_ms * width_ms
        first = np.append(True, (np.diff(series) != 0) | (np.diff(start_ms) != 0))[: len(series)]
        db.execute("DELETE FROM touched")
        db.executemany("INSERT INTO touched VALUES (?, ?)", zip(series[first].tolist(), start_ms[first].tolist(), strict=True))
        db.execute(sql)

    def _query(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        reader = self._readers.get()
        try:
            with self._translated():
                return reader.execute(sql, values).fetchall()
        finally:
            self._readers.put(reader)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            self._ids.clear()  # ids given in this transaction go with it
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as err:
            raise Unavailable(f"{self._path}: {err}") from err


def _kept(points: Points, cut_ms: int | None) -> tuple[Points, int]:
    """Points that are not older than `cut_ms`, and how many were."""
    if cut_ms is None or not (old := points.at_ms < cut_ms).any():
        return points, 0
    stay = ~old
    return Points(points.series, points.series_index[stay], points.at_ms[stay], points.value[stay], points.flags[stay]), int(old.sum())
