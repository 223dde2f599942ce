"""A parcel: consecutive items of one device, cut and judged by sequence and by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Any

import numpy as np

from city_model.codec import packed, samples
from city_model.events import Readings, TrafficSample

Items = Readings | Sequence[TrafficSample]


@dataclass(frozen=True, slots=True)
class Parcel:
    """`items` carry the sequence numbers `seq … last` of the device's `boot` (seq -1 and boot "" when there is none)."""

    device: str
    boot: str
    seq: int
    last: int
    items: Items
    first_ms: int
    is_hole: bool = False

    @classmethod
    def of(cls, device: str, boot: str, seq: int, items: Items) -> Parcel:
        """A parcel of freshly decoded items (at least one)."""
        return cls(device, boot, seq, seq + len(items) - 1, items, _first_ms(items))

    @classmethod
    def hole(cls, device: str, boot: str, first: int, last: int, at_ms: int) -> Parcel:
        """Stands for items that will never come."""
        return cls(device, boot, first, last, (), at_ms, is_hole=True)

    def __len__(self) -> int:
        return 0 if self.is_hole else len(self.items)

    def _slice(self, start: int, stop: int) -> Parcel:
        items = _cut(self.items, slice(start, stop))
        seq = self.seq + start if self.boot else -1
        first_ms = _first_ms(items) if stop > start else self.first_ms
        return replace(self, seq=seq, last=seq + (stop - start) - 1, items=items, first_ms=first_ms)

    def split_at(self, seq: int) -> tuple[Parcel, Parcel]:
        """(items before `seq`, items from `seq` on); either may be empty."""
        if self.is_hole:
            return self, self
        cut = min(max(seq - self.seq, 0), len(self))
        return self._slice(0, cut), self._slice(cut, len(self))

    def between(self, first: int, last: int) -> Parcel:
        """The items with `first <= seq <= last`."""
        start = min(max(first - self.seq, 0), len(self))
        stop = min(max(last + 1 - self.seq, start), len(self))
        return self._slice(start, stop)

    def split_by_age(self, bound_ms: int | None) -> Iterator[tuple[Parcel, bool]]:
        """Runs of items that are (True) or are not (False) older than `bound_ms`, in order."""
        if bound_ms is None or self.first_ms >= bound_ms:
            yield self, False
            return
        times = self.items.at_ms if isinstance(self.items, Readings) else np.array([s.at_ms for s in self.items], np.int64)
        late = times < bound_ms
        edges = [0, *(np.flatnonzero(np.diff(late)) + 1).tolist(), len(self)]
        for start, stop in pairwise(edges):
            yield self._slice(start, stop), bool(late[start])

    def only(self, rows: Sequence[int]) -> Parcel:
        """The items at `rows`, of a parcel without a sequence."""
        if isinstance(self.items, Readings):
            some = np.asarray(rows, np.int64)
            items: Items = Readings(self.items.names, self.items.name_index[some], self.items.at_ms[some], self.items.value[some])
        else:
            items = [self.items[row] for row in rows]
        return replace(self, items=items, first_ms=_first_ms(items) if rows else self.first_ms)


class Use(Enum):
    """What a parcel is good for now."""

    BOTH = "both"
    LATE = "late"
    """Into the series, flagged; never judged."""
    SERIES = "series"
    """Into the series now; `JUDGE` follows when its order is certain."""
    JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class Ready:
    """A parcel that may be used now."""

    parcel: Parcel
    use: Use


def _first_ms(items: Items) -> int:
    return int(items.at_ms.min()) if isinstance(items, Readings) else min(s.at_ms for s in items)


def _cut(items: Items, part: slice) -> Items:
    if isinstance(items, Readings):
        return Readings(items.names, items.name_index[part], items.at_ms[part], items.value[part])
    return items[part]


def pack(parcel: Parcel) -> list[Any]:
    """Plain values for a snapshot."""
    kind = "hole" if parcel.is_hole else "readings" if isinstance(parcel.items, Readings) else "samples"
    data = b"" if parcel.is_hole else packed.encode(parcel.items) if isinstance(parcel.items, Readings) else samples.encode(parcel.items)
    return [parcel.device, parcel.boot, parcel.seq, parcel.last, parcel.first_ms, kind, data]


def unpack(row: list[Any]) -> Parcel:
    """The parcel that `pack` wrote."""
    device, boot, seq, last, first_ms, kind, data = row
    items: Items = packed.decode(data) if kind == "readings" else samples.decode(data) if kind == "samples" else ()
    return Parcel(device, boot, seq, last, items, first_ms, kind == "hole")
