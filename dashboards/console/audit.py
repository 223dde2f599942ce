"""The audit log: what people did at the desk, each line chained to the one before by SHA-256, so that a changed or missing line shows.

The newest link is also kept in a file beside it (`audit.head`), so that lines cut off at the end show as well.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

_encode = msgspec.json.Encoder(order="deterministic").encode
_START = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `detail` holds names, ids and reasons, never a secret."""

    seq: int
    at_ms: int
    who: str
    what: str
    detail: dict[str, str]
    chain: str


class Audit:
    """Appends to and reads the `audit` table of `db`; `head` is the file of the newest link."""

    def __init__(self, db: sqlite3.Connection, head: Path) -> None:
        self._db, self._head = db, head

    def write(self, at_ms: int, who: str, what: str, **detail: str) -> Entry:
        """One line more, durable when this returns."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            last = self._db.execute("SELECT seq, chain FROM audit ORDER BY seq DESC LIMIT 1").fetchone() or (0, _START)
            entry = Entry(last[0] + 1, at_ms, who, what, detail, "")
            chain = _link(last[1], entry)
            row = (entry.seq, at_ms, who, what, _encode(detail).decode(), chain)
            self._db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", row)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        self._keep_head(entry.seq, chain)
        return Entry(entry.seq, at_ms, who, what, detail, chain)

    def newest(self, most: int) -> list[Entry]:
        """The last `most` lines, newest first."""
        last = self._db.execute("SELECT max(seq) FROM audit").fetchone()[0] or 0
        return list(self.entries(max(0, last - most), most))[::-1]

    def entries(self, after_seq: int = 0, most: int = 1_000_000) -> Iterator[Entry]:
        """Lines after `after_seq`, oldest first."""
        rows = self._db.execute("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, most))
        for seq, at_ms, who, what, detail, chain in rows:
            yield Entry(seq, at_ms, who, what, msgspec.json.decode(detail, type=dict[str, str]), chain)

    def verify(self) -> tuple[int, str]:
        """(lines that hold, what is wrong with the next; empty when all hold)."""
        chain, seq = _START, 0
        for entry in self.entries():
            if entry.seq != seq + 1:
                return seq, f"line {seq + 1} is missing"
            if _link(chain, entry) != entry.chain:
                return seq, f"line {entry.seq} was changed"
            chain, seq = entry.chain, entry.seq
        try:
            told_seq, told_chain = self._head.read_text(encoding="ascii").split()
        except (FileNotFoundError, ValueError):
            return seq, "" if seq == 0 else f"{self._head} is missing or damaged: lines at the end may have been cut off"
        if int(told_seq) > seq:
            return seq, f"lines {seq + 1} to {told_seq} are missing at the end"
        if int(told_seq) == seq and told_chain != chain:
            return seq, f"line {seq} is not the one that {self._head} tells of"
        return seq, ""

    def _keep_head(self, seq: int, chain: str) -> None:
        new = self._head.with_suffix(".new")
        descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{seq} {chain}\n")
        new.replace(self._head)


def _link(before: str, entry: Entry) -> str:
    body = _encode([entry.seq, entry.at_ms, entry.who, entry.what, entry.detail])
    return hashlib.sha256(before.encode() + b"\n" + body).hexdigest()
