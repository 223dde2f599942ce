"""The files of an embedded log, oldest to newest, as one thread sees them.

    archive.db  segment-00000007.db  segment-00000008.db  …  segment-00000012.db (current)

Everything is written to the *current* file, so that one SQLite transaction is one transaction (databases attached to each other are not
atomic over a power cut). When it is large or old enough it is *rolled*: the next file is made aside with all that must go on living in the
current one — topics, heads, owners, and the living records of compacted topics — then named, and only then the old one is marked sealed,
in the transaction that has kept everybody else from writing meanwhile. So:

- the current file is the first that is not sealed; a newer file behind it is the leftover of a roll that was cut off, and is overwritten;
- whoever begins a transaction and finds the file sealed goes on to the next one;
- records of topics that are not compacted stand where they were written: file k holds the offsets from its heads' `base` on.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from stream_processor.logs.embedded_schema import connect, create, to_stored
from stream_processor.logs.port import Stored

TOMBSTONE_KEPT_MS = 86_400_000
"""How long a roll carries the tombstone of a deleted key along, for readers that lag (Kafka's delete.retention.ms has the same)."""

_MOST_BYTES_AT_ONCE = 16 * 1024 * 1024  # of values in one read: bounds memory, whatever `most` asks for
_COLUMNS = "offset, at_ms, key, headers, value"


def segment_path(directory: Path, number: int) -> Path:
    return directory / f"segment-{number:08d}.db"


def numbers(directory: Path) -> list[int]:
    """Numbers of all segment files, rising."""
    return sorted(int(path.stem.removeprefix("segment-")) for path in directory.glob("segment-*.db"))


def archive_path(directory: Path) -> Path:
    """Where retention puts records that are kept for ever when nothing else is left in their file."""
    return directory / "archive.db"


class Chain:
    """One thread's connections. Reads follow a partition through all files; `begin` opens a transaction on the current one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._open: dict[int, sqlite3.Connection] = {}
        self._bases: dict[int, dict[tuple[int, int], int]] = {}
        self._version: tuple[int, int] | None = None
        self.number = self._find_current()

    @property
    def current(self) -> sqlite3.Connection:
        """The file that was current when we last looked; `begin` finds out whether it still is."""
        while True:
            try:
                return self._segment(self.number)
            except FileNotFoundError:  # sealed and expired since, before we had opened it
                self.number = self._find_current()

    def close(self) -> None:
        for db in self._open.values():
            db.close()
        self._open.clear()

    def drop_connection(self) -> None:
        """After a failure nobody can judge the state of: open the current file afresh next time."""
        if db := self._open.pop(self.number, None):
            db.close()

    @contextmanager
    def begin(self, mode: str) -> Iterator[sqlite3.Connection]:
        """A transaction (`DEFERRED` to read, `IMMEDIATE` to write) on whatever file is current. Commits, or rolls back on any exception."""
        db = self._begin_current(mode)
        try:
            yield db
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                with suppress(sqlite3.OperationalError):  # the failure under way is the one to tell
                    db.execute("ROLLBACK")

    def _begin_current(self, mode: str) -> sqlite3.Connection:
        while True:
            db = self.current
            db.execute(f"BEGIN {mode}")
            if db.execute("SELECT sealed_ms FROM segment").fetchone()[0] is None:
                return db
            db.execute("ROLLBACK")
            self.number = self._find_current()

    def changed_heads(self) -> dict[tuple[str, int], int] | None:
        """(topic, partition) → next offset, or None when nobody has committed since the last call."""
        version = (self.number, self.current.execute("PRAGMA data_version").fetchone()[0])
        if version == self._version:
            return None
        with self.begin("DEFERRED") as db:
            rows = db.execute("SELECT name, partition, next FROM heads JOIN topics ON topics.id = heads.topic").fetchall()
        self._version = version
        return {(topic, partition): next_offset for topic, partition, next_offset in rows}

    def read(self, topic: str, partition: int, offset: int, most: int) -> list[Stored]:
        """Up to `most` records from `offset` on, in order, whatever files they are in."""
        while True:
            with self.begin("DEFERRED") as db:
                topic_id, compacted = db.execute("SELECT id, compacted FROM topics WHERE name = ?", (topic,)).fetchone()
                base = db.execute("SELECT base FROM heads WHERE topic = ? AND partition = ?", (topic_id, partition)).fetchone()[0]
                if compacted or offset >= base:
                    return _select(db, topic, topic_id, partition, offset, most)
            try:
                older = self._read_older(topic, topic_id, partition, offset, most)
            except FileNotFoundError:  # retention has just taken a file away: what it kept is in the archive now
                continue
            if older:
                return older
            offset = base

    def _read_older(self, topic: str, topic_id: int, partition: int, offset: int, most: int) -> list[Stored]:
        listed = [number for number in numbers(self.directory) if number <= self.number]  # before the archive is looked at
        self._forget_all_but(listed)
        if archive_path(self.directory).exists():
            db = self._archive()
            if found := _select(db, topic, topic_id, partition, offset, most):
                return found
        for number, after in pairwise(listed):
            if offset < self.base(after, topic_id, partition) and (
                found := _select(self._segment(number), topic, topic_id, partition, offset, most)
            ):
                return found
        return []

    def first(self, topic_id: int, partition: int) -> int | None:
        """The lowest offset that is still there, if there is any record."""
        query = "SELECT min(offset) FROM records WHERE topic = ? AND partition = ?"
        while True:
            with self.begin("DEFERRED"):
                current = self.number
            listed = [number for number in numbers(self.directory) if number <= current]
            try:
                files = [self._archive()] if archive_path(self.directory).exists() else []
                for db in (*files, *map(self._segment, listed)):
                    found: int | None = db.execute(query, (topic_id, partition)).fetchone()[0]
                    if found is not None:
                        return found
            except FileNotFoundError:
                continue
            return None

    def base(self, number: int, topic_id: int, partition: int) -> int:
        """The first offset that file `number` could hold of a partition. Never changes once the file is there."""
        if number not in self._bases:
            rows = self._segment(number).execute("SELECT topic, partition, base FROM heads").fetchall()
            self._bases[number] = {(topic, part): base for topic, part, base in rows}
        return self._bases[number].get((topic_id, partition), 0)

    def roll(self, db: sqlite3.Connection, now_ms: int) -> None:
        """Seal the current file inside the write transaction on `db`; once it is committed, the next `begin` finds the new file."""
        number = self.number + 1
        make_file(segment_path(self.directory, number), number, now_ms, db)
        db.execute("UPDATE segment SET sealed_ms = ?", (now_ms,))

    def _segment(self, number: int) -> sqlite3.Connection:
        if number not in self._open:
            self._open[number] = connect(segment_path(self.directory, number))
        return self._open[number]

    def _archive(self) -> sqlite3.Connection:
        if 0 not in self._open:
            self._open[0] = connect(archive_path(self.directory))
        return self._open[0]

    def _forget_all_but(self, listed: list[int]) -> None:
        for number in set(self._open) - set(listed) - {0}:
            self._open.pop(number).close()

    def _find_current(self) -> int:
        """The first file that is not sealed, looked for from the newest back."""
        listed = numbers(self.directory)
        current = listed.pop()
        while listed and not self._is_sealed(listed[-1]):
            current = listed.pop()
        return current

    def _is_sealed(self, number: int) -> bool:
        try:
            return self._segment(number).execute("SELECT sealed_ms FROM segment").fetchone()[0] is not None
        except FileNotFoundError:
            return True  # only sealed files are taken away


def make_file(path: Path, number: int, now_ms: int, carry_from: sqlite3.Connection | None) -> None:
    """Make a file, whole or not at all, with what `carry_from` has to hand on."""
    part = path.with_suffix(f".part-{uuid.uuid4().hex[:8]}")
    db = create(part)
    try:
        db.execute("BEGIN")
        db.execute("INSERT INTO segment VALUES (?, ?, NULL)", (number, now_ms))
        if carry_from is not None:
            _carry(carry_from, db, now_ms)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")
        db.close()
        os.replace(part, path)
        _sync_directory(path.parent)
    finally:
        db.close()
        for leftover in path.parent.glob(f"{part.name}*"):
            leftover.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _carry(old: sqlite3.Connection, new: sqlite3.Connection, now_ms: int) -> None:
    new.executemany("INSERT INTO topics VALUES (?, ?, ?, ?, ?)", old.execute("SELECT * FROM topics"))
    new.executemany("INSERT INTO heads VALUES (?, ?, ?, ?)", old.execute("SELECT topic, partition, next, next FROM heads"))
    new.executemany("INSERT INTO owners VALUES (?, ?, ?, ?, ?)", old.execute("SELECT * FROM owners"))
    living = "FROM newest JOIN records USING (topic, partition, offset) WHERE value IS NOT NULL OR written_ms > ?"
    since = (now_ms - TOMBSTONE_KEPT_MS,)
    records = old.execute(f"SELECT topic, partition, offset, at_ms, records.key, headers, value {living}", since)
    new.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", records)
    places = old.execute(f"SELECT topic, partition, newest.key, offset, written_ms {living}", since)
    new.executemany("INSERT INTO newest VALUES (?, ?, ?, ?, ?)", places)


def _select(db: sqlite3.Connection, topic: str, topic_id: int, partition: int, offset: int, most: int) -> list[Stored]:
    query = f"SELECT {_COLUMNS} FROM records WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?"
    found, taken_bytes = [], 0
    for row in db.execute(query, (topic_id, partition, offset, most)):
        found.append(to_stored(topic, partition, row))
        taken_bytes += len(row[4] or b"")
        if taken_bytes >= _MOST_BYTES_AT_ONCE:
            break
    return found
