"""One segment of the outbox: a small SQLite database of encoded batches, which goes as a whole when the budget is spent.

Whole files go because a DELETE needs disk space of its own and fails on a full disk, while unlinking a file does not (measured with
SQLite 3.40 on a full tmpfs). Acks are therefore remembered in memory and ride along with the next commit; losing them in a crash
means sending again, nothing worse.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence, Set
from itertools import groupby
from pathlib import Path
from typing import Any

from city_model.codec.packed import MAX_READINGS
from city_model.events import AckRange, Gap
from edge_agent.segment_file import COLUMNS, Kept, from_row, open_file, to_row, translated

SUFFIX = ".segment"
_MARKS = ", ".join("?" * len(COLUMNS.split(",")))
_MOST_RUNS = 8
"""Gap records per device and boot of one segment; acks that came in patches would otherwise make more of them than there was data."""

Range = tuple[int, int]


class Segment:
    """Batches of one priority with ids from `first_id` on. Not for use from two threads at a time."""

    def __init__(self, directory: Path, priority: int, first_id: int, segment_bytes: int) -> None:
        """Open or create. Raises Damaged, TooNew, Unavailable."""
        self.path = directory / f"p{priority}-{first_id:015d}{SUFFIX}"
        self.priority = priority
        self.first_id = first_id
        self.last_id = first_id - 1
        self.newest_ms = 0
        self.batches = 0
        self.items = 0
        self._wal_pages = max(16, segment_bytes // 4 // 4096)
        self._spans: dict[tuple[str, str], Range] = {}
        self._gone: set[int] = set()
        self._covered: dict[int, list[Range]] = {}
        self._connection: sqlite3.Connection | None = None
        for row in self._all("SELECT id, device, boot, seq, count, accepted_ms FROM batch"):
            self._include(*row)

    def insert(self, kept: Sequence[Kept]) -> None:
        """Make `kept` durable in one commit, and past acks with it. Raises Unavailable (nothing was kept) or Damaged."""
        self._commit([to_row(k) for k in kept])
        for k in kept:
            self._include(k.id, k.event.device, k.event.boot, k.event.seq, k.event.count, k.event.recorded_ms)

    def settle(self) -> None:
        """Write the acks that wait for a commit. Raises Unavailable on a full disk: they go on waiting."""
        if self._gone or self._covered:
            self._commit([])

    def cover(self, device: str, ack: AckRange) -> tuple[list[int], int]:
        """Note that a range is done with. Returns the ids of the batches that are now done with to their last item, and how many
        items were not known to be done with before."""
        low, high = self._spans.get((device, ack.boot), (0, -1))
        if ack.last < low or ack.first > high:
            return [], 0
        query = "SELECT id, seq, count, covered FROM batch WHERE device = ? AND boot = ? AND seq BETWEEN ? AND ?"
        done, items = [], 0
        for id_, seq, count, covered in self._all(query, (device, ack.boot, ack.first - MAX_READINGS, ack.last)):
            if id_ in self._gone or seq + count <= ack.first:
                continue
            before = self._covered.get(id_) or [(a, b) for a, b in json.loads(covered)]
            after = merged([*before, (max(ack.first, seq), min(ack.last, seq + count - 1))])
            items += _length(after) - _length(before)
            if after == [(seq, seq + count - 1)]:
                self._remove(id_, count)
                done.append(id_)
            else:
                self._covered[id_] = after
        return done, items

    def ids(self, most: int, skip: Set[int]) -> list[int]:
        """Up to `most` ids, oldest first, without those in `skip`."""
        if not self.batches:
            return []
        here = sum(self.first_id <= id_ <= self.last_id for id_ in skip)
        rows = self._all("SELECT id FROM batch ORDER BY id LIMIT ?", (most + here + len(self._gone),))
        return [id_ for (id_,) in rows if id_ not in self._gone and id_ not in skip][:most]

    def read(self, id_: int) -> Kept | None:
        """A batch by its id; None when it is not (or no longer) here. Raises Damaged."""
        if id_ in self._gone or not self.first_id <= id_ <= self.last_id:
            return None
        rows = self._all(f"SELECT {COLUMNS} FROM batch WHERE id = ?", (id_,))
        return from_row(rows[0]) if rows else None

    def missing(self, reason: str) -> Iterator[tuple[str, str, Gap]]:
        """(site, device, gap record) for everything that would be lost with this file."""
        query = "SELECT id, site, device, boot, seq, count, covered FROM batch ORDER BY device, boot, seq"
        rows = [row for row in self._all(query) if row[0] not in self._gone]
        for (site, device, boot), group in groupby(rows, key=lambda row: row[1:4]):
            lost: list[Range] = []
            for id_, _, _, _, seq, count, covered in group:
                lost += uncovered((seq, seq + count - 1), self._covered.get(id_) or [(a, b) for a, b in json.loads(covered)])
            for first, last, count in _few_runs(merged(lost)):
                yield site, device, Gap(boot, first, last, count, reason)

    def size_bytes(self) -> int:
        """What the files take on the disk."""
        return sum(path.stat().st_size for path in files_of(self.path))

    def unlink(self) -> None:
        """Remove the files; needs no space."""
        self.close()
        for path in files_of(self.path):
            path.unlink(missing_ok=True)
        self.batches = self.items = 0

    def close(self) -> None:
        """Close the file; it opens again when it is needed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(
                sqlite3.DatabaseError
            ):  # the last checkpoint may not fit the disk; the WAL stays and is read next time
                connection.close()

    def _remove(self, id_: int, count: int) -> None:
        self._covered.pop(id_, None)
        self._gone.add(id_)
        self.batches -= 1
        self.items -= count

    def _include(self, id_: int, device: str, boot: str, seq: int, count: int, accepted_ms: int) -> None:
        low, high = self._spans.get((device, boot), (seq, seq))
        self._spans[device, boot] = (min(low, seq), max(high, seq + count - 1))
        self.last_id = max(self.last_id, id_)
        self.newest_ms = max(self.newest_ms, accepted_ms)
        self.batches += 1
        self.items += count

    def _commit(self, rows: list[tuple[object, ...]]) -> None:
        with translated(self.path):
            db = self._db()
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany("DELETE FROM batch WHERE id = ?", [(id_,) for id_ in self._gone])
                db.executemany("UPDATE batch SET covered = ? WHERE id = ?", [(json.dumps(c), id_) for id_, c in self._covered.items()])
                db.executemany(f"INSERT INTO batch ({COLUMNS}) VALUES ({_MARKS})", rows)
                db.execute("COMMIT")
            except sqlite3.DatabaseError:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        self._gone.clear()
        self._covered.clear()

    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_file(self.path, self._wal_pages)
        return self._connection

    def _all(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        with translated(self.path):
            return self._db().execute(query, values).fetchall()


def files_of(path: Path) -> list[Path]:
    """The database and what SQLite keeps beside it, as far as they exist."""
    return [p for end in ("", "-wal", "-shm") if (p := path.with_name(path.name + end)).exists()]


def merged(ranges: Sequence[Range]) -> list[Range]:
    """`ranges` (first, last) sorted, with neighbours and overlaps made one."""
    out: list[Range] = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out


def _length(ranges: Sequence[Range]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def uncovered(whole: Range, covered: Sequence[Range]) -> list[Range]:
    """What `covered` (merged, inside `whole`) leaves of `whole`."""
    out, start = [], whole[0]
    for first, last in covered:
        if first > start:
            out.append((start, first - 1))
        start = last + 1
    return [*out, (start, whole[1])] if start <= whole[1] else out


def _few_runs(runs: list[Range]) -> list[tuple[int, int, int]]:
    """(first, last, count) of each run; too many runs become one that says how many are missing within it."""
    counted = [(first, last, last - first + 1) for first, last in runs]
    if len(counted) <= _MOST_RUNS:
        return counted
    return [(counted[0][0], counted[-1][1], sum(count for _, _, count in counted))]
