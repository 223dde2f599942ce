"""Order per device: duplicates dropped, gaps waited for up to the lateness bound, late items set apart.

A device's contiguous sequence goes through at once; only a gap waits, and only ticks end the waiting. Whatever the arrival order
within the bound, what comes out for a device is the same items in the same order.

- Below `next`, every sequence number was seen, except those in `holes`: an item that fills a hole is late, any other a duplicate.
- An item older than the last tick minus the bound is late even when its sequence is contiguous: that is an outbox draining.
- Without a sequence, items enter the series at once but are judged, by time, only after the bound has passed;
  (quantity, time) finds duplicates.
- `boot` begins with the start time of the sender, so a larger boot is newer; items of an older boot are late once a newer one has spoken
  (a sender sends the old boot's outbox first).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from stream_processor.core.parcel import Parcel, Ready, Use, pack, unpack

_MAX_HOLES = 64
_MAX_WAITING = 4096


@dataclass(slots=True)
class _Device:
    """One device's place in its sequence."""

    boot: str = ""
    next: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)
    waiting: dict[int, Parcel] = field(default_factory=dict)
    loose: dict[tuple[int, str], Parcel] = field(default_factory=dict)
    loose_done: dict[tuple[int, str], None] = field(default_factory=dict)


class Order:
    """All devices of one partition. `counts` says what was dropped or set apart."""

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._devices: dict[str, _Device] = {}
        self.now_ms: int | None = None
        self.counts: Counter[str] = Counter()

    def push(self, parcel: Parcel) -> Iterator[Ready]:
        """Take in what arrived; yield what may be judged now, and what is late."""
        state = self._devices.setdefault(parcel.device, _Device())
        if not parcel.boot:
            yield from self._push_loose(state, parcel)
            return
        if parcel.boot < state.boot:
            self.counts["late"] += len(parcel)
            yield Ready(parcel, Use.LATE)
            return
        if parcel.boot > state.boot:
            yield from self._drain(state, None)
            state.boot, state.next, state.holes = parcel.boot, 0, []
        yield from self._push_sequenced(state, parcel)

    def gap(self, device: str, boot: str, first: int, last: int) -> Iterator[Ready]:
        """The sender says that `first..last` will never come: nobody waits for them."""
        state = self._devices.setdefault(device, _Device())
        if boot != state.boot:
            if boot < state.boot:
                return
            yield from self._drain(state, None)
            state.boot, state.next, state.holes = boot, 0, []
        self.counts["gaps"] += 1
        if first <= state.next <= last:
            state.next = last + 1
            yield from self._follow_on(state)
        elif first > state.next:
            state.waiting.setdefault(first, Parcel.hole(device, boot, first, last, self.now_ms or 0))

    def tick(self, now_ms: int) -> Iterator[Ready]:
        """Time has come to `now_ms`: gaps older than the bound are waited for no longer. Devices in the order of their names."""
        if self.now_ms is not None and now_ms <= self.now_ms:
            return
        self.now_ms = now_ms
        for name in sorted(self._devices):
            state = self._devices[name]
            if state.waiting:
                yield from self._drain(state, now_ms - self._lateness_ms)
            if state.loose:
                yield from self._release_loose(state, now_ms - self._lateness_ms)

    def _push_sequenced(self, state: _Device, parcel: Parcel) -> Iterator[Ready]:
        if parcel.seq < state.next:
            parcel = yield from self._below_next(state, parcel)
        if not len(parcel):
            return
        if parcel.seq == state.next:
            state.next = parcel.last + 1
            yield from self._by_age(parcel)
            yield from self._follow_on(state)
        else:
            yield from self._wait(state, parcel)

    def _wait(self, state: _Device, parcel: Parcel) -> Iterator[Ready]:
        """There is a gap in front of `parcel`. What is too old to be judged does not wait, but its numbers are known from now on."""
        for part, late in parcel.split_by_age(self._bound_ms()):
            there = state.waiting.get(part.seq)
            if there is not None and there.last >= part.last:
                self.counts["duplicates"] += len(part)
                continue
            if late:
                self.counts["late"] += len(part)
                yield Ready(part, Use.LATE)
            elif there is not None:
                self.counts["duplicates"] += len(there)
            known = Parcel.hole(part.device, part.boot, part.seq, part.last, part.first_ms) if late else part
            state.waiting[part.seq] = known
        if len(state.waiting) > _MAX_WAITING:
            yield from self._skip_to_first(state)

    def _bound_ms(self) -> int | None:
        return None if self.now_ms is None else self.now_ms - self._lateness_ms

    def _below_next(self, state: _Device, parcel: Parcel) -> Generator[Ready, None, Parcel]:
        """Items that were passed already: those in holes are late, the others duplicates. Returns what is left above."""
        below, above = parcel.split_at(state.next)
        kept: list[tuple[int, int]] = []
        filled = 0
        for first, last in state.holes:
            part = below.between(first, last)
            if not len(part):
                kept.append((first, last))
                continue
            filled += len(part)
            yield Ready(part, Use.LATE)
            kept += [(a, b) for a, b in ((first, part.seq - 1), (part.last + 1, last)) if a <= b]
        state.holes = kept
        self.counts["late"] += filled
        self.counts["duplicates"] += len(below) - filled
        return above

    def _follow_on(self, state: _Device) -> Iterator[Ready]:
        while state.waiting and (first := min(state.waiting)) <= state.next:
            parcel = state.waiting.pop(first)
            duplicate, rest = parcel.split_at(state.next)
            self.counts["duplicates"] += len(duplicate)
            if parcel.is_hole:
                state.next = max(state.next, parcel.last + 1)
            elif len(rest):
                state.next = rest.last + 1
                yield Ready(rest, Use.BOTH)  # it was in time when it came

    def _by_age(self, parcel: Parcel) -> Iterator[Ready]:
        for part, late in parcel.split_by_age(self._bound_ms()):
            if late:
                self.counts["late"] += len(part)
            yield Ready(part, Use.LATE if late else Use.BOTH)

    def _drain(self, state: _Device, arrived_before_ms: int | None) -> Iterator[Ready]:
        """Stop waiting for the gaps in front of what is older than `arrived_before_ms` (None: of everything)."""
        while state.waiting:
            oldest = min(state.waiting)
            if arrived_before_ms is not None and state.waiting[oldest].first_ms > arrived_before_ms:
                return
            yield from self._skip_to_first(state)

    def _skip_to_first(self, state: _Device) -> Iterator[Ready]:
        first = min(state.waiting)
        if first > state.next:
            self.counts["gaps"] += 1
            state.holes = [*state.holes, (state.next, first - 1)][-_MAX_HOLES:]
            state.next = first
        parcel = state.waiting.pop(first)
        _, rest = parcel.split_at(state.next)
        if parcel.is_hole:
            state.next = max(state.next, parcel.last + 1)
        elif len(rest):
            state.next = rest.last + 1
            yield Ready(rest, Use.BOTH)  # it was in time when it came; only the gap made it wait
        yield from self._follow_on(state)

    def _push_loose(self, state: _Device, parcel: Parcel) -> Iterator[Ready]:
        for part, late in parcel.split_by_age(self._bound_ms()):
            for at_ms, name, one in part.singles():
                key = (at_ms, name)
                if key in state.loose or key in state.loose_done:
                    self.counts["duplicates"] += 1
                elif late:
                    self.counts["late"] += 1
                    yield Ready(one, Use.LATE)
                else:
                    state.loose[key] = one
                    yield Ready(one, Use.SERIES)

    def _release_loose(self, state: _Device, until_ms: int) -> Iterator[Ready]:
        for key in sorted(k for k in state.loose if k[0] <= until_ms):
            state.loose_done[key] = None
            yield Ready(state.loose.pop(key), Use.JUDGE)
        horizon_ms = until_ms - 10 * self._lateness_ms
        for key in [k for k in state.loose_done if k[0] < horizon_ms]:
            del state.loose_done[key]

    def snapshot(self) -> dict[str, Any]:
        """State as plain values."""
        devices = {
            name: {
                "boot": d.boot,
                "next": d.next,
                "holes": [list(h) for h in d.holes],
                "waiting": [pack(p) for p in d.waiting.values()],
                "loose": [[list(k), pack(p)] for k, p in d.loose.items()],
                "loose_done": [list(k) for k in d.loose_done],
            }
            for name, d in self._devices.items()
        }
        return {"now_ms": self.now_ms, "counts": dict(self.counts), "devices": devices}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly from `snapshot()`."""
        self.now_ms = state["now_ms"]
        self.counts = Counter(state["counts"])
        self._devices = {
            name: _Device(
                d["boot"],
                d["next"],
                [(a, b) for a, b in d["holes"]],
                {p.seq: p for p in map(unpack, d["waiting"])},
                {(k[0], k[1]): unpack(p) for k, p in d["loose"]},
                {(k[0], k[1]): None for k in d["loose_done"]},
            )
            for name, d in state["devices"].items()
        }
