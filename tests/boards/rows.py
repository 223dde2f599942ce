"""Rows of an answer out of the CSV of a panel's Flux, and whether two answers are the same."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dashboards.boards.question import Row
from stream_processor.stores.flux_text import rows_of_csv, time_ms

Cells = dict[str, str]


def rows_of_flux(content: bytes) -> list[Row]:
    """By series and time."""
    rows = [Row(_series(cells), _time(cells), float(cells["_value"]) if cells["_value"] else None) for cells in rows_of_csv(content)]
    return sorted(rows, key=lambda row: (row.series, row.at_ms or 0))


def _series(cells: Cells) -> str:
    if "state" in cells:
        return cells["state"]
    named = "/".join(filter(None, (cells.get(name, "") for name in ("device", "direction", "_measurement"))))
    return f"{named} {cells['quantile']}".strip() if "quantile" in cells else named


def _time(cells: Cells) -> int | None:
    return time_ms(cells["_time"]) if cells["_time"] else None


def differences(found: Iterable[Row], expected: Iterable[Row]) -> list[str]:
    """What is in one of them only, or differs by more than 1e-9 of the value."""
    one, other = ({(row.series, row.at_ms): row.value for row in rows} for rows in (found, expected))
    wrong = [f"only in one: {key} {(one | other)[key]}" for key in sorted(one.keys() ^ other.keys(), key=str)]
    return wrong + [f"{key}: {one[key]} is not {other[key]}" for key in one.keys() & other.keys() if not _same(one[key], other[key])]


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
