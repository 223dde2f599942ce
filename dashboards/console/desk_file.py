"""The console's own file, `console.db`: users, sessions, tokens and the audit log. SQLite; created with mode 0600."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from city_model.faults import Unavailable

VERSION = 1
_SCHEMA = """
BEGIN;
CREATE TABLE user (name TEXT PRIMARY KEY, role TEXT NOT NULL, areas TEXT NOT NULL, owners TEXT NOT NULL, hash TEXT NOT NULL,
  active INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID;
CREATE TABLE ticket (digest BLOB PRIMARY KEY, name TEXT NOT NULL REFERENCES user (name), kind TEXT NOT NULL, label TEXT NOT NULL DEFAULT '',
  made_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX ticket_name ON ticket (name);
CREATE TABLE audit (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL,
  chain TEXT NOT NULL);
PRAGMA user_version = 1;
COMMIT;
"""


def open_desk(path: Path) -> sqlite3.Connection:
    """Open or make it. Not for use from two threads at once. Raises Unavailable for what is not ours, is newer, or cannot be written."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(_SCHEMA)
        elif version != VERSION:
            raise Unavailable(f"{path}: format {version}, this program knows {VERSION}; use the program that wrote it")
    except (sqlite3.Error, OSError) as err:
        raise Unavailable(f"{path}: {err}") from err
    return db
