"""What the broker itself refuses again and again (ACL, size): kept apart with the reason, bounded, for a person to look at."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edge_agent.segment_file import COLUMNS, Kept, to_row, translated

_SCHEMA = """
CREATE TABLE IF NOT EXISTS set_aside (n INTEGER PRIMARY KEY, reason TEXT NOT NULL, id INTEGER, site TEXT, device TEXT, boot TEXT,
  seq INTEGER, count INTEGER, type TEXT, content_type TEXT, stream TEXT, at_ms INTEGER, accepted_ms INTEGER, data BLOB, crc INTEGER)
"""


class Aside:
    """A table of refused batches; the oldest go when it holds more than `most_bytes`."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._connection: sqlite3.Connection | None = None

    def add(self, kept: Kept, reason: str) -> None:
        """Keep `kept`. Raises Unavailable, or Damaged for a file that is not ours."""
        row = (reason[:500], *to_row(kept))
        marks = ", ".join("?" * len(row))
        with translated(self._path), self._db() as db:
            db.execute(f"INSERT INTO set_aside (reason, {COLUMNS}) VALUES ({marks})", row)
            while db.execute("SELECT sum(length(data) + 256) FROM set_aside").fetchone()[0] > self._most_bytes:
                db.execute("DELETE FROM set_aside WHERE n = (SELECT min(n) FROM set_aside)")

    def reasons(self) -> dict[str, int]:
        """Items by reason."""
        with translated(self._path):
            return dict(self._db().execute("SELECT reason, sum(count) FROM set_aside GROUP BY reason"))

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, check_same_thread=False)
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_SCHEMA)
        return self._connection
