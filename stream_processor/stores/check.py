"""What is right and wrong with a series store; the embedded one here, InfluxDB in `influx_check`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from city_model.faults import ConfigError, Problem
from stream_processor.stores.embedded import FORMAT


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. A `note` is worth knowing and no fault."""

    what: str
    state: Literal["ok", "wrong", "note"]
    detail: str = ""


def check_embedded(url: str) -> Iterator[Finding]:
    """Findings about `sqlite:PATH`; nothing is created or changed. Raises ConfigError for another URL."""
    kind, _, rest = url.partition(":")
    if kind != "sqlite" or not rest:
        raise ConfigError([Problem("--store", "url", repr(url), "sqlite:PATH or influx:FILE")])
    path = Path(rest)
    if not path.is_file():
        yield Finding(f"file {path}", "wrong", "does not exist; `saola sink` makes it")
        return
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            yield from _look(db, path)
        finally:
            db.close()
    except sqlite3.Error as err:
        yield Finding(f"file {path}", "wrong", str(err))


def _look(db: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found != FORMAT:
        yield Finding(f"file {path}", "wrong", f"is of format {found}; this version reads {FORMAT}")
        return
    yield Finding(f"file {path}", "ok", f"{path.stat().st_size / 1e6:.1f} MB, format {found}")
    series, newest = db.execute("SELECT count(*), datetime(max(at_ms) / 1000, 'unixepoch') FROM latest").fetchone()
    yield Finding("series", "ok", f"{series}, newest point {newest} UTC") if series else Finding("series", "note", "none yet")
