"""What the embedded store no longer keeps, deleted a little at a time: each write pays for one small step, so none waits for a big one.

Age is measured against the newest point of the store, or the machine's clock where that is behind: a replay of last year's log keeps
last year, and a device whose clock runs ahead deletes nothing.
"""

from __future__ import annotations

import sqlite3

from stream_processor.stores.keep import Keep, cut_ms

_SERIES_A_STEP = 64
_ROWS_A_STEP = 4_000
_TABLES = (("point", "at_ms"), ("minute", "start_ms"), ("hour", "start_ms"))


class Retention:
    """Walks over the series, round and round; rests when a whole round found nothing and no cut has moved."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._after_id = 0
        self._rested_at: tuple[int | None, ...] | None = None
        self._deleted_this_round = 0

    def raw_cut_ms(self, now_ms: int) -> int | None:
        """Points before this are not kept."""
        return cut_ms(now_ms, self._keep.raw_days)

    def step(self, db: sqlite3.Connection, now_ms: int) -> int:
        """Delete some of what is too old, at most a few thousand rows; returns how many. Runs inside the caller's transaction."""
        cuts = tuple(cut_ms(now_ms, days) for days in self._keep.each_days())
        if cuts == self._rested_at or not any(cut is not None for cut in cuts):
            return 0
        ids = [row[0] for row in db.execute("SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?", (self._after_id, _SERIES_A_STEP))]
        deleted = 0
        for number in ids:
            for (table, column), cut in zip(_TABLES, cuts, strict=True):
                if cut is not None:
                    deleted += _delete(db, table, column, number, cut, _ROWS_A_STEP - deleted)
            if deleted >= _ROWS_A_STEP:
                break  # the same series again next time
            self._after_id = number
        self._deleted_this_round += deleted
        if len(ids) < _SERIES_A_STEP and deleted < _ROWS_A_STEP:
            self._rested_at = None if self._deleted_this_round else cuts
            self._after_id = self._deleted_this_round = 0
        return deleted


def _delete(db: sqlite3.Connection, table: str, column: str, series: int, cut: int, most: int) -> int:
    """Delete the oldest rows of a series before `cut`, at most `most`."""
    if most <= 0:
        return 0
    beyond = db.execute(f"SELECT {column} FROM {table} WHERE series = ? ORDER BY {column} LIMIT 1 OFFSET ?", (series, most)).fetchone()
    until = cut if beyond is None else min(cut, beyond[0])
    return db.execute(f"DELETE FROM {table} WHERE series = ? AND {column} < ?", (series, until)).rowcount
