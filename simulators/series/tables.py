"""CSV files of data sets, plain or gzipped, as rows or columns; damage is told with file and line."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from city_model.faults import Rejected


def text_of(path: Path) -> str:
    """The whole file. Raises Rejected for what is no text or no gzip."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return data.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError) as err:
        raise Rejected("unreadable", f"{path}: {err}") from err


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Rows by the header's names."""
    yield from csv.DictReader(io.StringIO(text_of(path)))


def number(text: str | None) -> float:
    """NaN for nothing and for what is no number."""
    try:
        return float(text) if text else float("nan")
    except ValueError:
        return float("nan")


def columns_of(path: Path, names: tuple[str, ...]) -> dict[str, list[str]]:
    """The named columns as text. Raises Rejected where one is missing."""
    rows = list(rows_of(path))
    missing = [name for name in names if rows and name not in rows[0]]
    if not rows or missing:
        raise Rejected("no_column", f"{path}: has no rows or no column {', '.join(missing) or names[0]}")
    return {name: [row[name] for row in rows] for name in names}


def seconds(times: list[str], path: Path) -> NDArray[np.int64]:
    """ISO 8601 without a zone, with a blank or T, perhaps in quotes, as seconds since 1970. Raises Rejected."""
    try:
        return np.array([t.strip("'\" ").replace(" ", "T")[:19] for t in times], "datetime64[s]").astype(np.int64)
    except ValueError as err:
        raise Rejected("bad_time", f"{path}: {err}") from err


def found(folder: Path, *patterns: str) -> list[Path]:
    """Files of a data set, anywhere below its folder, by name."""
    return sorted(path for pattern in patterns for path in folder.rglob(pattern) if path.is_file())
