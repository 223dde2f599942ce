"""Windows of time and what falls into them: edges, buckets joined, raw points parted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dashboards.boards.question import Aggregate, Span
from stream_processor.stores.port import Bucket

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
Points = tuple[NDArray[np.int64], NDArray[np.float64]]


def edges(span: Span, width_ms: int, zone: str = "") -> list[int]:
    """Beginnings of the windows that [start, stop) touches, and the end of the last; with a `zone`, of its calendar days."""
    if zone:
        return _days(span, ZoneInfo(zone))
    first = span.start_ms // width_ms * width_ms
    return list(range(first, -(-span.stop_ms // width_ms) * width_ms + 1, width_ms))


def _days(span: Span, zone: ZoneInfo) -> list[int]:
    day = (_EPOCH + span.start_ms * _MS).astimezone(zone).date()
    found: list[int] = []
    while not found or found[-1] < span.stop_ms:
        found.append((datetime(day.year, day.month, day.day, tzinfo=zone) - _EPOCH) // _MS)
        day += timedelta(days=1)
    return found


def windows(series: Sequence[list[Bucket]], starts: Sequence[int]) -> dict[int, Bucket]:
    """Buckets of several series joined into the windows between `starts`, those that hold points."""
    parts: dict[int, list[Bucket]] = {}
    for buckets in series:
        at = np.searchsorted(starts, [b.start_ms for b in buckets], side="right") - 1
        for place, bucket in zip(at.tolist(), buckets, strict=True):
            if 0 <= place < len(starts) - 1:
                parts.setdefault(starts[place], []).append(bucket)
    return {start: one for start, found in parts.items() if (one := joined(found)) is not None}


def joined(buckets: Sequence[Bucket]) -> Bucket | None:
    """One bucket of several; `last` is of the one that begins last. None for none."""
    if not buckets:
        return None
    newest = max(buckets, key=lambda b: b.start_ms)
    return Bucket(
        min(b.start_ms for b in buckets), sum(b.count for b in buckets), sum(b.sum for b in buckets), min(b.min for b in buckets),
        max(b.max for b in buckets), newest.last,
    )  # fmt: skip


def value_of(bucket: Bucket, aggregate: Aggregate) -> float:
    """One figure of a bucket."""
    return float(getattr(bucket, aggregate))


def raw_windows(points: Sequence[Points], starts: Sequence[int]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """(window's beginning, values) of raw points of several series, for windows that hold any."""
    if not points:
        return
    at_ms, values = np.concatenate([p[0] for p in points]), np.concatenate([p[1] for p in points])
    place = np.searchsorted(starts, at_ms, side="right") - 1
    for window in np.unique(place).tolist():
        yield starts[window], values[place == window]
