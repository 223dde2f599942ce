"""The SQLite side of a segment: format, upgrade, check sums, and what its errors mean.

Format 2. Format 1 had no `crc`; its files are given the column when they are opened. A file of a later format is left alone.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from city_model.events import Event
from city_model.faults import Unavailable

VERSION = 2
_SCHEMA = """
BEGIN;
CREATE TABLE batch (id INTEGER PRIMARY KEY, site TEXT NOT NULL, device TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
  count INTEGER NOT NULL, type TEXT NOT NULL, content_type TEXT NOT NULL, stream TEXT NOT NULL, at_ms INTEGER NOT NULL,
  accepted_ms INTEGER NOT NULL, data BLOB NOT NULL, covered TEXT NOT NULL DEFAULT '[]', crc INTEGER);
CREATE INDEX batch_seq ON batch (device, boot, seq);
PRAGMA user_version = 2;
COMMIT;
"""
_UPGRADES = {1: "BEGIN; ALTER TABLE batch ADD COLUMN crc INTEGER; PRAGMA user_version = 2; COMMIT;"}
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "cache_size = -256", "journal_size_limit = 65536")
COLUMNS = "id, site, device, boot, seq, count, type, content_type, stream, at_ms, accepted_ms, data, crc"
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
"""SQLITE_ERROR too: our statements are fixed, so "no such table" means that the file is not what we wrote."""


class Damaged(Exception):
    """The file is not what was written: to be set apart, never to be trusted."""


class TooNew(Exception):
    """The file was written by a later version of this program: to be left alone."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch in the outbox: `event` as it travels, on `stream`. `id` rises with acceptance."""

    id: int
    stream: str
    event: Event


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as Damaged or Unavailable; misuse stays what it is, a bug."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as err:
        code: int | None = getattr(err, "sqlite_errorcode", None)
        if code is None or code & 0xFF == sqlite3.SQLITE_MISUSE:
            raise
        if code & 0xFF in _DAMAGE:
            raise Damaged(f"{path.name}: {err}") from err
        words = "the disk is full" if code & 0xFF == sqlite3.SQLITE_FULL else str(err)
        raise Unavailable(f"outbox {path.parent}: {words}") from err
    except UnicodeDecodeError as err:
        raise Damaged(f"{path.name}: {err}") from err


def open_file(path: Path, wal_pages: int) -> sqlite3.Connection:
    """A connection to `path`, created or upgraded as needed. Raises Damaged, TooNew, Unavailable."""
    with translated(path):
        fresh = not path.exists()
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise TooNew(f"{path.name}: format {version}; this program knows {VERSION}")
            for pragma in _PRAGMAS:
                db.execute(f"PRAGMA {pragma}")
            db.execute(f"PRAGMA wal_autocheckpoint = {wal_pages}")
            if script := _SCHEMA if version == 0 else _UPGRADES.get(version):
                db.executescript(script)
        except BaseException:
            db.close()
            raise
    if fresh:
        _sync_directory(path.parent)
    return db


def to_row(kept: Kept) -> tuple[object, ...]:
    """`kept` in the order of COLUMNS, with its check sum."""
    e = kept.event
    row = (
        kept.id, e.site, e.device, e.boot, e.seq, e.count, e.type, e.content_type, kept.stream, e.at_ms, e.recorded_ms, e.data,
    )  # fmt: skip
    return (*row, _crc(row))


def from_row(row: tuple[Any, ...]) -> Kept:
    """The batch of a row. Raises Damaged when the check sum says that it is not what was written."""
    id_, site, device, boot, seq, count, type_, content_type, stream, at_ms, accepted_ms, data, crc = row
    if crc is not None and crc != _crc(row[:-1]):
        raise Damaged(f"batch {id_}: wrong check sum")
    event = Event(type_, site, device, boot, seq, count, at_ms, content_type, data, recorded_ms=accepted_ms)
    return Kept(id_, stream, event)


def salvage(path: Path) -> Iterator[Kept]:
    """What can still be read of a damaged file, oldest first, each batch checked; gives up after 100 unreadable places."""
    after, failures = -1, 0
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as db:
        while failures < 100:
            try:
                row = db.execute(f"SELECT {COLUMNS} FROM batch WHERE id > ? ORDER BY id LIMIT 1", (after,)).fetchone()
                if row is None:
                    return
                after = int(row[0])
                yield from_row(row)
            except (sqlite3.DatabaseError, Damaged, UnicodeDecodeError, TypeError):
                failures, after = failures + 1, after + 1


def _crc(row: tuple[Any, ...]) -> int:
    return zlib.crc32(row[-1], zlib.crc32("\x1f".join(map(str, row[:-1])).encode()))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
