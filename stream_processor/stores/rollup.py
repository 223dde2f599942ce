"""Buckets of time: which ones a batch touches, and several joined into wider ones. Both stores share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from city_model.faults import Rejected
from stream_processor.stores.port import Bucket

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


def checked_width_ms(width_ms: int) -> int:
    """`width_ms` if buckets can be that wide. Raises Rejected for a width not of whole minutes."""
    if width_ms <= 0 or width_ms % MINUTE_MS:
        raise Rejected("bad_width", f"{width_ms} ms is not a whole multiple of one minute")
    return width_ms


def aligned(start_ms: int, stop_ms: int, width_ms: int) -> tuple[int, int]:
    """[start, stop) as the range of the starts of whole buckets in it."""
    return -(-start_ms // width_ms) * width_ms, -(-stop_ms // width_ms) * width_ms


def widen(rows: Iterable[tuple[int, int, float, float, float, float]], width_ms: int) -> Iterator[Bucket]:
    """Join ordered (start_ms, count, sum, min, max, last) into buckets of `width_ms`."""
    joined: Bucket | None = None
    for at_ms, count, total, low, high, last in rows:
        start_ms = at_ms // width_ms * width_ms
        if joined is not None and joined.start_ms == start_ms:
            joined = Bucket(start_ms, joined.count + count, joined.sum + total, min(joined.min, low), max(joined.max, high), last)
            continue
        if joined is not None:
            yield joined
        joined = Bucket(start_ms, count, total, low, high, last)
    if joined is not None:
        yield joined


def touched(series: NDArray[np.integer], at_ms: NDArray[np.int64], width_ms: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(series, start_ms) of every bucket that holds one of these rows, once each, by time and then by series."""
    starts = at_ms // width_ms * width_ms
    order = np.lexsort((series, starts))
    series, starts = series[order].astype(np.int64), starts[order]
    first = np.append(True, (np.diff(series) != 0) | (np.diff(starts) != 0))[: len(order)]
    return series[first], starts[first]


def portions(series: NDArray[np.int64], starts: NDArray[np.int64], width_ms: int, most_places: int = 20_000) -> Iterator[slice]:
    """Slices of places sorted by `starts`, each worth one query: hardly any hole in time, and not too many series times buckets."""
    if not len(starts):
        return
    edges = np.flatnonzero(np.diff(starts, prepend=starts[:1] - 1)).tolist()
    first, seen = 0, set[int]()
    for edge, end in zip(edges, [*edges[1:], len(starts)], strict=True):
        new = set(series[edge:end].tolist())
        buckets = (int(starts[edge]) - int(starts[first])) // width_ms + 1
        hole = edge > first and starts[edge] - starts[edge - 1] > 2 * width_ms
        if edge > first and (hole or buckets * len(seen | new) > most_places):
            yield slice(first, edge)
            first, seen = edge, set()
        seen |= new
    yield slice(first, len(starts))
