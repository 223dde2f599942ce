"""Retention of the embedded log: by (topic, file), so that expiry costs no work per record and a writer never waits for it.

A sealed file's records of a topic go when the file was sealed longer ago than the topic's retention: everything in it is older than that
(so a record lives up to one file's age longer than its retention). Compacted topics live in the current file alone; what they left behind
goes at once. A file that holds nothing any more is deleted; one that holds only records kept for ever is emptied into `archive.db` first.
"""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path

from stream_processor.logs.embedded_chain import archive_path, make_file, numbers, segment_path
from stream_processor.logs.embedded_schema import connect

_WORTH_REWRITING = 0.25  # share of a sealed file that must be free pages before it is rewritten smaller


def expire(directory: Path, now_ms: int) -> int:
    """Take away what is past its retention; returns how many files are gone. Does nothing while another process is at it."""
    with (directory / "retention.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        _sweep_orphans(directory)
        return sum(_expire_file(directory, number, now_ms) for number in numbers(directory)[:-1])


def _expire_file(directory: Path, number: int, now_ms: int) -> bool:
    with closing(connect(segment_path(directory, number))) as db:
        sealed_ms = db.execute("SELECT sealed_ms FROM segment").fetchone()[0]
        if sealed_ms is None:
            return False
        held = db.execute(
            "SELECT id, retention_ms, compacted FROM topics WHERE EXISTS (SELECT 1 FROM records WHERE records.topic = topics.id)"
        ).fetchall()
        gone = [topic for topic, keep_ms, compacted in held if compacted or (keep_ms is not None and sealed_ms + keep_ms <= now_ms)]
        left = [(topic, keep_ms) for topic, keep_ms, _ in held if topic not in gone]
        if all(keep_ms is None for _, keep_ms in left):
            if left:
                _archive(db, directory, [topic for topic, _ in left])
            return _delete_file(db, segment_path(directory, number))
        for topic in gone:
            db.execute("DELETE FROM records WHERE topic = ?", (topic,))
        if gone:
            _shrink(db)
        return False


def _archive(db: sqlite3.Connection, directory: Path, topics: list[int]) -> None:
    """Copy the records of `topics`, durably; doing it twice changes nothing."""
    path = archive_path(directory)
    if not path.exists():
        make_file(path, 0, 0, None)
    marks = ", ".join("?" * len(topics))
    with closing(connect(path)) as archive:
        archive.execute("BEGIN IMMEDIATE")
        rows = db.execute(f"SELECT * FROM records WHERE topic IN ({marks})", topics)
        archive.executemany("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        archive.execute("COMMIT")


def _delete_file(db: sqlite3.Connection, path: Path) -> bool:
    busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        return False  # somebody reads it just now; next time
    db.close()
    for name in (path, *_companions(path)):
        name.unlink(missing_ok=True)
    return True


def _shrink(db: sqlite3.Connection) -> None:
    free, pages = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
    if free > _WORTH_REWRITING * pages:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _sweep_orphans(directory: Path) -> None:
    """-wal and -shm files that somebody opened anew at the very moment their database was deleted; half-made files of killed processes."""
    for companion in (*directory.glob("segment-*.db-wal"), *directory.glob("segment-*.db-shm")):
        if not companion.with_name(companion.name[:-4]).exists():
            companion.unlink(missing_ok=True)


def _companions(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
