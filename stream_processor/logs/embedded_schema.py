"""What one database file of the embedded log looks like, how it is opened, and what SQLite's failures mean to us."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from city_model.faults import Unavailable
from stream_processor.logs.port import Record, Stored

VERSION = 1
"""Of the file format, in `PRAGMA user_version`. A file of another version is refused, never guessed at."""

BUSY_WAIT_S = 10.0  # a transaction of another process lasts milliseconds; longer means it was stopped while holding the file

_TABLES = f"""
CREATE TABLE segment (number INTEGER NOT NULL, created_ms INTEGER NOT NULL, sealed_ms INTEGER);
CREATE TABLE topics (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL, retention_ms INTEGER, compacted INTEGER NOT NULL
);
CREATE TABLE heads (  -- base: what `next` was when this file was born; everything older stands in earlier files
  topic INTEGER, partition INTEGER, base INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE records (
  topic INTEGER, partition INTEGER, offset INTEGER, at_ms INTEGER NOT NULL, key BLOB NOT NULL, headers BLOB NOT NULL, value BLOB,
  PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;
CREATE TABLE newest (  -- of compacted topics: where the one living record of each key stands
  topic INTEGER, partition INTEGER, key BLOB, offset INTEGER NOT NULL, written_ms INTEGER NOT NULL, PRIMARY KEY (topic, partition, key)
) WITHOUT ROWID;
CREATE TABLE owners (
  grp TEXT, topic INTEGER, partition INTEGER, epoch INTEGER NOT NULL, next_offset INTEGER, PRIMARY KEY (grp, topic, partition)
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""

_encode_headers = msgspec.msgpack.Encoder().encode
_decode_headers = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode

RecordRow = tuple[int, int, int, int, bytes, bytes, bytes | None]


def to_row(topic_id: int, partition: int, offset: int, record: Record) -> RecordRow:
    """The row of `records` for a record."""
    return topic_id, partition, offset, record.at_ms, record.key, _encode_headers(record.headers), record.value


def to_stored(topic: str, partition: int, row: tuple[int, int, bytes, bytes, bytes | None]) -> Stored:
    """What stands in (offset, at_ms, key, headers, value)."""
    offset, at_ms, key, headers, value = row
    return Stored(topic, partition, offset, Record(key, value, _decode_headers(headers), at_ms))


def create(path: Path) -> sqlite3.Connection:
    """A new file with empty tables, not yet in WAL mode: a half-made file must never need a second one beside it."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_TABLES)
    return db


def connect(path: Path) -> sqlite3.Connection:
    """An existing file. Raises FileNotFoundError when it is gone (retention), Unavailable when it is of another version."""
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_WAIT_S, check_same_thread=False
        )
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.OperationalError as err:
        if not path.exists():
            raise FileNotFoundError(path) from err
        raise
    if version != VERSION:
        db.close()
        raise Unavailable(f"log: {path} has format {version}, this program reads {VERSION}; start the program version that wrote it")
    db.execute("PRAGMA synchronous = FULL")  # in WAL mode: the commit returns after fsync
    db.execute("PRAGMA wal_autocheckpoint = 2000")  # pages: 8 MB
    return db


_MEANING = {
    sqlite3.SQLITE_FULL: "the disk is full; nothing was written, free some space and it goes on",
    sqlite3.SQLITE_IOERR: "the disk refuses (full, over quota, or failing); nothing was written",
    sqlite3.SQLITE_BUSY: f"another process held the log for more than {BUSY_WAIT_S:.0f} s",
    sqlite3.SQLITE_READONLY: "not writable; choose a directory you may write to",
    sqlite3.SQLITE_CANTOPEN: "cannot open its files; is the directory there and writable?",
    sqlite3.SQLITE_PERM: "not allowed; choose a directory you may write to",
    sqlite3.SQLITE_CORRUPT: "a file is damaged; keep the directory aside for repair and restore a copy",
    sqlite3.SQLITE_NOTADB: "a file in it is not a log; choose another directory",
}


@contextmanager
def failures_of(directory: Path) -> Iterator[None]:
    """Turn what the disk and other processes do to us into Unavailable; let mistakes of ours through as they are."""
    try:
        yield
    except sqlite3.Error as err:
        meaning = _MEANING.get(getattr(err, "sqlite_errorcode", 0) & 0xFF)
        if meaning is None:
            raise
        raise Unavailable(f"log: {directory}: {meaning} ({err})") from err
    except OSError as err:
        raise Unavailable(f"log: {directory}: {err.strerror or err}") from err
