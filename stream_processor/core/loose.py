"""Items of a device without a sequence: into the series at once, judged in the order of their time after the bound has passed.

(quantity, time) tells duplicates, for samples (direction, time); what is judged already is remembered for two hours, of what came late
the newest few thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from city_model.codec import samples
from city_model.events import Readings, TrafficSample
from stream_processor.core.parcel import Parcel, Ready, Use
from stream_processor.core.tally import Tally

_REMEMBERED_LATE = 4096
Key = tuple[int, str]


@dataclass(slots=True)
class Loose:
    """One device. `held` are items not judged yet, by (time, quantity or direction)."""

    held: dict[Key, float | TrafficSample] = field(default_factory=dict)
    judged: dict[Key, None] = field(default_factory=dict)
    late: dict[Key, None] = field(default_factory=dict)

    def push(self, parcel: Parcel, bound_ms: int | None, tally: Tally) -> Iterator[Ready]:
        """Take in what arrived; what is new of it goes into the series."""
        for part, late in parcel.split_by_age(bound_ms):
            is_new = [self._is_new(key, part, i, late) for i, key in enumerate(_keys(part))]
            fresh = part if all(is_new) else part.only([i for i, new in enumerate(is_new) if new])
            if not all(is_new):
                tally.add("duplicates", part.only([i for i, new in enumerate(is_new) if not new]))
            if late:
                tally.add("late", fresh)
            if len(fresh):
                yield Ready(fresh, Use.LATE if late else Use.SERIES)

    def _is_new(self, key: Key, part: Parcel, i: int, late: bool) -> bool:
        if key in self.held or key in self.judged or key in self.late:
            return False
        if late:
            self.late[key] = None
            while len(self.late) > _REMEMBERED_LATE:
                del self.late[next(iter(self.late))]
        else:
            items = part.items
            self.held[key] = float(items.value[i]) if isinstance(items, Readings) else items[i]
        return True

    def release(self, device: str, until_ms: int, forget_before_ms: int) -> Iterator[Ready]:
        """What is as old as `until_ms` may be judged; what was judged before `forget_before_ms` is forgotten."""
        ripe = sorted(key for key in self.held if key[0] <= until_ms)
        taken = [(key, self.held.pop(key)) for key in ripe]
        self.judged |= dict.fromkeys(ripe)
        readings = [(key, item) for key, item in taken if isinstance(item, float)]
        seen = [item for _, item in taken if not isinstance(item, float)]
        if readings:
            yield Ready(Parcel.of(device, "", -1, _readings(readings)), Use.JUDGE)
        if seen:
            yield Ready(Parcel.of(device, "", -1, seen), Use.JUDGE)
        for key in [key for key in self.judged if key[0] < forget_before_ms]:
            del self.judged[key]

    def plain(self) -> list[Any]:
        """Plain values for a snapshot."""
        readings = [[*key, item] for key, item in self.held.items() if isinstance(item, float)]
        seen = [item for item in self.held.values() if not isinstance(item, float)]
        return [readings, samples.encode(seen), [list(key) for key in self.judged], [list(key) for key in self.late]]

    @classmethod
    def of_plain(cls, plain: list[Any]) -> Loose:
        """What `plain()` described."""
        readings, seen, judged, late = plain
        held: dict[Key, float | TrafficSample] = {(at_ms, name): value for at_ms, name, value in readings}
        held |= {(sample.at_ms, sample.direction): sample for sample in samples.decode(seen)}
        return cls(held, {(a, b): None for a, b in judged}, {(a, b): None for a, b in late})


def _keys(part: Parcel) -> list[Key]:
    items = part.items
    if isinstance(items, Readings):
        return [(at_ms, items.names[k]) for at_ms, k in zip(items.at_ms.tolist(), items.name_index.tolist(), strict=True)]
    return [(sample.at_ms, sample.direction) for sample in items]


def _readings(rows: list[tuple[Key, float]]) -> Readings:
    names: dict[str, int] = {}
    index = np.array([names.setdefault(name, len(names)) for (_, name), _ in rows], np.uint16)
    return Readings(tuple(names), index, np.array([key[0] for key, _ in rows], np.int64), np.array([value for _, value in rows]))
