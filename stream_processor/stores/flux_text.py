"""Flux as text: strings put into a query, and the annotated CSV that comes back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from city_model.faults import Unavailable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def text(value: str) -> str:
    """A string literal. InfluxDB OSS has no query parameters, and `${` would be interpolated."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def rows_of_csv(content: bytes) -> Iterator[dict[str, str]]:
    """Rows of a result as texts by column; `#name` is the column's type. Raises Unavailable for an error in the middle of an answer."""
    header: list[str] = []
    types: list[str] = []
    for row in csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")):
        if not row:
            header = []
        elif row[0] == "#datatype":
            types, header = row, []
        elif row[0].startswith("#"):
            continue
        elif not header:
            header = row
        elif "error" in header:
            raise Unavailable(f"influxdb: a query failed: {row[header.index('error')][:300]}")
        else:
            yield dict(zip(header, row, strict=False)) | {f"#{name}": kind for name, kind in zip(header, types, strict=False)}


def time_ms(written: str) -> int:
    """Milliseconds of an RFC 3339 time; what is finer is dropped."""
    return (datetime.fromisoformat(written) - _EPOCH) // _MILLISECOND
