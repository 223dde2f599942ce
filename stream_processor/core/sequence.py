"""The sequence of one boot of one device: what comes next, what was passed over, what waits behind a gap.

Below `next` every number was seen, except those in `holes`: an item that fills a hole is late, any other a duplicate.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from stream_processor.core.parcel import Parcel, Ready, Use, pack, unpack
from stream_processor.core.tally import Tally

_MAX_HOLES = 64
_MAX_WAITING = 4096


@dataclass(slots=True)
class Sequence:
    """`bound_ms` of the calls: older than this is late (None: nothing is)."""

    next: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)
    waiting: dict[int, Parcel] = field(default_factory=dict)

    def push(self, parcel: Parcel, bound_ms: int | None, tally: Tally) -> Iterator[Ready]:
        """Take in what arrived; a contiguous sequence goes through at once."""
        parcel = yield from self._below_next(parcel, tally)
        if not len(parcel):
            return
        if parcel.seq == self.next:
            self.next = parcel.last + 1
            yield from _by_age(parcel, bound_ms, tally)
            yield from self._follow_on(tally)
        else:
            yield from self.wait(parcel, bound_ms, tally)

    def push_past(self, parcel: Parcel, tally: Tally) -> Iterator[Ready]:
        """Take in what comes of a boot that is over: never judged."""
        parcel = yield from self._below_next(parcel, tally)
        if len(parcel):
            if parcel.seq > self.next:
                self._pass_over(parcel.seq)
            self.next = parcel.last + 1
            tally.add("late", parcel)
            yield Ready(parcel, Use.LATE)

    def wait(self, parcel: Parcel, bound_ms: int | None, tally: Tally) -> Iterator[Ready]:
        """Keep `parcel` until what is missing before it has come or the bound has passed. What is too old to be judged does not wait,
        but its numbers are known from now on."""
        for part, late in parcel.split_by_age(bound_ms):
            there = self.waiting.get(part.seq)
            if there is not None and there.last >= part.last:
                tally.add("duplicates", part)
                continue
            if late:
                tally.add("late", part)
                yield Ready(part, Use.LATE)
            elif there is not None:
                tally.add("duplicates", there)
            self.waiting[part.seq] = Parcel.hole(part.device, part.boot, part.seq, part.last, part.first_ms) if late else part
        if len(self.waiting) > _MAX_WAITING:
            yield from self._skip_to_first(tally)

    def gap(self, device: str, boot: str, first: int, last: int, now_ms: int, tally: Tally) -> Iterator[Ready]:
        """`first..last` will never come: nobody waits for them."""
        if first <= self.next <= last:
            self.next = last + 1
            yield from self._follow_on(tally)
        elif first > self.next:
            self.waiting.setdefault(first, Parcel.hole(device, boot, first, last, now_ms))

    def start(self, tally: Tally) -> Iterator[Ready]:
        """This boot's turn has come: what stands at its beginning may go."""
        yield from self._follow_on(tally)

    def drain(self, before_ms: int | None, tally: Tally) -> Iterator[Ready]:
        """Wait no longer for what is missing before anything older than or as old as `before_ms` (None: before anything)."""
        while self.waiting and (before_ms is None or min(parcel.first_ms for parcel in self.waiting.values()) <= before_ms):
            yield from self._skip_to_first(tally)

    def _skip_to_first(self, tally: Tally) -> Iterator[Ready]:
        first = min(self.waiting)
        parcel = self.waiting.pop(first)
        if first > self.next:
            tally.totals["gaps"] += 1
            tally.add_at("missing", parcel.device, parcel.first_ms, first - self.next)
            self._pass_over(first)
        yield from self._go_on_with(parcel, tally)
        yield from self._follow_on(tally)

    def _pass_over(self, upto: int) -> None:
        self.holes = [*self.holes, (self.next, upto - 1)][-_MAX_HOLES:]
        self.next = upto

    def _follow_on(self, tally: Tally) -> Iterator[Ready]:
        while self.waiting and (first := min(self.waiting)) <= self.next:
            yield from self._go_on_with(self.waiting.pop(first), tally)

    def _go_on_with(self, parcel: Parcel, tally: Tally) -> Iterator[Ready]:
        """What waited was in time when it came; only the gap made it wait."""
        if parcel.is_hole:
            self.next = max(self.next, parcel.last + 1)
            return
        seen, rest = parcel.split_at(self.next)
        if len(seen):
            tally.add("duplicates", seen)
        if len(rest):
            self.next = rest.last + 1
            yield Ready(rest, Use.BOTH)

    def _below_next(self, parcel: Parcel, tally: Tally) -> Generator[Ready, None, Parcel]:
        """Items that were passed already: those in holes are late, the others duplicates. Returns what is left above."""
        if parcel.seq >= self.next:
            return parcel
        below, above = parcel.split_at(self.next)
        kept: list[tuple[int, int]] = []
        at = below.seq
        for first, last in self.holes:
            part = below.between(first, last)
            if not len(part):
                kept.append((first, last))
                continue
            self._seen_again(below, at, part.seq - 1, tally)
            at = part.last + 1
            tally.add("late", part)
            yield Ready(part, Use.LATE)
            kept += [(a, b) for a, b in ((first, part.seq - 1), (part.last + 1, last)) if a <= b]
        self._seen_again(below, at, below.last, tally)
        self.holes = kept
        return above

    def _seen_again(self, below: Parcel, first: int, last: int, tally: Tally) -> None:
        part = below.between(first, last)
        if len(part):
            tally.add("duplicates", part)

    def plain(self) -> list[Any]:
        """Plain values for a snapshot."""
        return [self.next, [list(hole) for hole in self.holes], [pack(parcel) for parcel in self.waiting.values()]]

    @classmethod
    def of_plain(cls, plain: list[Any]) -> Sequence:
        """What `plain()` described."""
        coming, holes, waiting = plain
        return cls(coming, [(a, b) for a, b in holes], {p.seq: p for p in map(unpack, waiting)})


def _by_age(parcel: Parcel, bound_ms: int | None, tally: Tally) -> Iterator[Ready]:
    for part, late in parcel.split_by_age(bound_ms):
        if late:
            tally.add("late", part)
        yield Ready(part, Use.LATE if late else Use.BOTH)
