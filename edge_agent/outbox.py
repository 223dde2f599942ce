"""The outbox: accepted = committed here. A batch leaves it when the bridge says that the log, or the dead letters, have it.

A directory of segment files, one chain per priority. Past the budget (bytes or hours) the oldest segment of the lowest priority goes as
a whole, and a gap record per device travels instead. A damaged segment is set apart under another name, what can still be read of it
is kept, and a gap record of the agent's own says so. A full disk is `Unavailable`: nothing that was accepted is given up for it.

`boot` is new at each start, so sequence numbers never repeat, not even after the outbox was lost. Not for use from two threads at a time.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import msgspec

from city_model.events import AckRange, Event, EventType, Gap
from city_model.faults import Unavailable
from city_model.topics import Stream
from edge_agent.aside import Aside
from edge_agent.chain import Chain
from edge_agent.holding import Holding
from edge_agent.segment import Segment
from edge_agent.segment_file import Damaged, Kept

FRESH_MS = 2000
_FRESH_SHARE = 0.75  # of a request: fresh readings go first, and the backlog still moves
_FRESH_MOST = 4096  # batches; more at a time are a backlog
GAP_BOOT = "-gap"  # suffix: gap records have numbers of their own, so that they leave no hole among a device's readings


class Priority(IntEnum):
    """Who goes last when the budget is spent: the lowest number. Gap records never go (they are 0.3 % of what they stand for)."""

    GAP = 0
    NORMAL = 1
    FRAME = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded items of one device, not accepted yet."""

    site: str
    device: str
    stream: Stream
    type: str
    content_type: str
    count: int
    at_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Budget:
    """What the outbox may hold: bytes on the disk, and hours of the agent's clock."""

    total_bytes: int = 512 * 1024 * 1024
    hours: float = 72.0
    segment_bytes: int = 16 * 1024 * 1024
    aside_bytes: int = 16 * 1024 * 1024


@dataclass(slots=True)
class OutboxCounts:
    """Since the start."""

    evicted_items: int = 0
    gaps: int = 0
    damaged_segments: int = 0
    saved_batches: int = 0
    aside_items: int = 0


class Outbox:
    """See the module. `site` and `agent` name the device that reports about the outbox itself."""

    def __init__(self, directory: Path, site: str, agent: str, now_ms: int, budget: Budget | None = None) -> None:
        """Open or create. Raises Unavailable when another agent holds it or the disk will not have it."""
        self.counts = OutboxCounts()
        self._site, self._agent = site, agent
        self._budget = budget or Budget()
        self._holding = Holding(directory, now_ms)
        try:
            self._chain = Chain(directory, self._budget.segment_bytes)
        except Unavailable:
            self._holding.close()
            raise
        self._aside = Aside(directory / "aside.sqlite", self._budget.aside_bytes)
        self._next_id = self._chain.last_id + 1
        self._seqs: Counter[tuple[str, str]] = Counter()
        self._fresh: dict[int, int] = {}
        self._report_damage(now_ms)

    @property
    def boot(self) -> str:
        """The boot of everything accepted since this start."""
        return self._holding.boot

    @property
    def batches(self) -> int:
        """How many wait for their ack."""
        return sum(s.batches for s in self._chain.segments)

    @property
    def items(self) -> int:
        """How many readings, samples, frames and gap records wait for their ack."""
        return sum(s.items for s in self._chain.segments)

    @property
    def last_id(self) -> int:
        """The newest id given."""
        return self._next_id - 1

    @property
    def too_new(self) -> list[str]:
        """Files of a later version of this program, left alone."""
        return self._chain.too_new

    def append(self, batches: Sequence[Batch], now_ms: int, priority: Priority = Priority.NORMAL) -> list[Kept]:
        """Accept `batches` in one commit: on return they are on the disk. Raises Unavailable: then none of them was accepted."""
        kept = self._write(batches, self.boot, now_ms, priority)
        if priority != Priority.FRAME:
            self._fresh.update((k.id, now_ms) for k in kept)
        with contextlib.suppress(Unavailable):  # they are accepted; the budget is looked at again by `settle`
            self._keep_budget(now_ms)
        return kept

    def pending(self, most: int, now_ms: int, skip: Set[int]) -> list[Kept]:
        """Up to `most` batches to send, without those in `skip`: fresh ones first, then the oldest."""
        ids = dict.fromkeys(self._fresh_ids(now_ms, skip)[: max(1, int(most * _FRESH_SHARE))])
        for segment in list(self._chain.segments):
            if len(ids) >= most:
                break
            room, known = most - len(ids), skip | ids.keys()
            ids.update(dict.fromkeys(self._chain.guarded(segment, lambda s: s.ids(room, known), list[int]())))  # noqa: B023 - called at once
        found = [kept for id_ in ids if (kept := self._read(id_)) is not None]
        self._report_damage(now_ms)
        return found

    def waits(self, up_to_id: int) -> bool:
        """Whether a batch with an id up to `up_to_id` still waits for its ack."""
        older = [s for s in self._chain.segments if s.batches and s.first_id <= up_to_id]
        return any(id_ <= up_to_id for s in older for id_ in self._chain.guarded(s, lambda s: s.ids(1, set()), list[int]()))

    def acked(self, device: str, ack: AckRange) -> tuple[list[int], int]:
        """The log, or the dead letters, have `ack`. Returns the ids of the batches that are done with by this, and how many items it
        was news of."""
        done: list[int] = []
        items = 0
        for segment in list(self._chain.segments):
            ids, count = self._chain.guarded(segment, lambda s: s.cover(device, ack), (list[int](), 0))
            done += ids
            items += count
        for id_ in done:
            self._fresh.pop(id_, None)
        return done, items

    def set_aside(self, id_: int, reason: str, now_ms: int) -> None:
        """Keep a batch apart that the broker will not have; a gap record says so, unless it is one. Raises Unavailable."""
        kept = self._read(id_)
        if kept is None:
            return
        event = kept.event
        try:
            self._aside.add(kept, reason)
        except Damaged as err:
            raise Unavailable(str(err)) from err
        self.counts.aside_items += event.count
        if event.type != EventType.GAP:
            gap = Gap(event.boot, event.seq, event.seq + event.count - 1, event.count, f"set aside: {reason}"[:500])
            self._append_gaps([(event.site, event.device, gap)], now_ms)
        self.acked(event.device, AckRange(event.boot, event.seq, event.seq + event.count - 1, "rejected", reason))

    def settle(self, now_ms: int) -> None:
        """Write waiting acks, drop empty files, keep the budget. Call it now and then. Raises Unavailable on a full disk."""
        self._chain.settle()
        self._report_damage(now_ms)
        self._keep_budget(now_ms)
        self._holding.keep_reserve()

    def close(self) -> None:
        """Write what can be written and let go of the directory."""
        self._chain.close()
        self._aside.close()
        self._holding.close()

    def _write(self, batches: Sequence[Batch], boot: str, now_ms: int, priority: Priority) -> list[Kept]:
        seqs = self._seqs.copy()
        kept = []
        for id_, batch in enumerate(batches, self._next_id):
            seq = seqs[batch.device, boot]
            seqs[batch.device, boot] += batch.count
            event = Event(
                batch.type, batch.site, batch.device, boot, seq, batch.count, batch.at_ms, batch.content_type, batch.data,
                recorded_ms=now_ms,
            )  # fmt: skip
            kept.append(Kept(id_, batch.stream, event))
        if kept:
            self._chain.insert(kept, priority)
        self._seqs = seqs
        self._next_id += len(kept)
        return kept

    def _fresh_ids(self, now_ms: int, skip: Set[int]) -> list[int]:
        """What was accepted within the last two seconds, oldest first."""
        while self._fresh and (len(self._fresh) > _FRESH_MOST or next(iter(self._fresh.values())) < now_ms - FRESH_MS):
            del self._fresh[next(iter(self._fresh))]
        return [id_ for id_ in self._fresh if id_ not in skip]

    def _read(self, id_: int) -> Kept | None:
        for segment in list(self._chain.segments):
            if segment.first_id <= id_ <= segment.last_id:
                kept = self._chain.guarded(segment, lambda s: s.read(id_), None)
                if kept is not None:
                    return kept
        return None

    def _keep_budget(self, now_ms: int) -> None:
        oldest_ms = now_ms - self._budget.hours * 3_600_000
        for segment in [s for s in self._chain.segments if s.priority != Priority.GAP and s.batches and s.newest_ms < oldest_ms]:
            self._evict(segment, f"older than {self._budget.hours:g} h", now_ms)
        while self._chain.size_bytes() > self._budget.total_bytes:
            victim = self._chain.oldest_to_go(never=Priority.GAP)
            if victim is None:
                return
            self._evict(victim, "the outbox was full", now_ms)

    def _evict(self, segment: Segment, reason: str, now_ms: int) -> None:
        """Gap records first, then the file: a crash in between repeats a little and hides nothing."""
        gaps = self._chain.guarded(segment, lambda s: list(s.missing(reason)), list[tuple[str, str, Gap]]())
        if segment not in self._chain.segments:
            self._report_damage(now_ms)
            return
        try:
            self._append_gaps(gaps, now_ms)
        except Unavailable:
            self._holding.release_reserve()
            self._append_gaps(gaps, now_ms)
        self.counts.evicted_items += sum(gap.count for _, _, gap in gaps)
        self._chain.forget(segment)

    def _append_gaps(self, gaps: Sequence[tuple[str, str, Gap]], now_ms: int) -> None:
        batches = [
            Batch(site, device, "event", EventType.GAP, "application/json", 1, now_ms, msgspec.json.encode(gap))
            for site, device, gap in gaps
        ]
        self._write(batches, self.boot + GAP_BOOT, now_ms, Priority.GAP)
        self.counts.gaps += len(batches)

    def _report_damage(self, now_ms: int) -> None:
        """A gap record of the agent's own: what a damaged file held beyond what was saved is not known."""
        while self._chain.damages:
            damage = self._chain.damages[0]
            reason = f"segment {damage.name} was damaged, {damage.saved} batches saved ({damage.why})"[:500]
            try:
                self._append_gaps([(self._site, self._agent, Gap("", -1, -1, 0, reason))], now_ms)
            except Unavailable:
                return  # told when the disk has room again
            self._chain.damages.pop(0)
            self.counts.damaged_segments += 1
            self.counts.saved_batches += damage.saved
