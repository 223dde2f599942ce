"""What becomes of one message: events for the log, dead letters, and the answer to the sender. And how a batch with bad rows is cut.

The good rows of a batch are kept. Bad ones become a dead letter, and where the sender counts them a gap record goes into the log,
so that nobody downstream waits for sequence numbers that will never come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import msgspec

from city_model.events import AckRange, DeadLetter, Event, EventType, Gap
from city_model.faults import Rejected
from city_model.topics import INPUTS

MAX_CUTS = 64
"""A batch that would fall into more pieces than this is refused whole: what one message may cost is bounded."""
MAX_DEAD_BYTES = 64 * 1024
_encode_gap = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Taken:
    """Outcome of one message. `events` go to their log topic; `ranges` are told to the sender once all is durable."""

    events: tuple[tuple[str, Event], ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    ranges: tuple[AckRange, ...] = ()
    items: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where and when a message came in: its topic, the area the registry gives its device, the bridge's clock."""

    topic: str
    area: str
    now_ms: int


def whole(event: Event, at: Arrival, topic: str, *, content_type: str, data: bytes, at_ms: int, count: int) -> Taken:
    """All of `event` is good; it goes into the log in this form. Area and time of recording are ours, whatever the sender wrote."""
    kept = Event(event.type, event.site, event.device, event.boot, event.seq, count, at_ms, content_type, data, at.area, at.now_ms)
    return Taken(((topic, kept),), (), _stored(event.boot, event.seq, count), count)


def whole_single(event: Event, at: Arrival, topic: str, content_type: str) -> Taken:
    """An event of one item that goes into the log as it came."""
    return whole(event, at, topic, content_type=content_type, data=event.data, at_ms=event.at_ms, count=1)


def refused(event: Event | None, at: Arrival, err: Rejected, payload: bytes, *, leaves_gap: bool) -> Taken:
    """Nothing of the message is good. `event` is its envelope as far as it could be read."""
    source = event.source if event is not None else ""
    dead = DeadLetter(err.code, err.detail[:1000], at.topic[:200], source[:200], at.now_ms, len(payload), payload[:MAX_DEAD_BYTES])
    if event is None or not event.boot:
        return Taken(dead=(dead,))
    last = event.seq + max(event.count, 1) - 1
    gaps = ((INPUTS, _gap(event, at, event.seq, last, err)),) if leaves_gap else ()
    return Taken(gaps, (dead,), (_rejected(event.boot, event.seq, last, err),))


def in_part(
    event: Event, at: Arrival, faults: Sequence[Rejected | None], times_ms: Sequence[int], encode: Callable[[Sequence[int]], bytes]
) -> Taken:
    """Some rows are bad: `faults` says which and why, `encode` gives the bytes of some rows."""
    groups = list(_runs(faults) if event.boot else _by_code(faults))
    if len(groups) > MAX_CUTS:
        worst = next(fault for fault in faults if fault is not None)
        raise Rejected(worst.code, f"{worst.detail}; the batch would fall into {len(groups)} pieces")
    events: list[tuple[str, Event]] = []
    dead: list[DeadLetter] = []
    ranges: list[AckRange] = []
    items = 0
    for rows, fault in groups:
        first, last = (event.seq + rows[0], event.seq + rows[-1]) if event.boot else (-1, -1)
        data = encode(rows)
        if fault is None:
            newest_ms = max(times_ms[row] for row in rows)
            part = replace(event, seq=first, count=len(rows), at_ms=newest_ms, data=data, area=at.area, recorded_ms=at.now_ms)
            events.append((INPUTS, part))
            ranges += _stored(event.boot, first, len(rows))
            items += len(rows)
            continue
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        text = fault.detail[:1000] + more
        dead.append(DeadLetter(fault.code, text, at.topic[:200], event.source, at.now_ms, len(data), data[:MAX_DEAD_BYTES]))
        if event.boot:
            events.append((INPUTS, _gap(event, at, first, last, fault)))
            ranges.append(_rejected(event.boot, first, last, fault))
    return Taken(tuple(events), tuple(dead), tuple(ranges), items)


def _runs(faults: Sequence[Rejected | None]) -> Iterator[tuple[Sequence[int], Rejected | None]]:
    """Neighbours with the same verdict: only they can share a first and last sequence number."""
    for _, rows in groupby(range(len(faults)), key=lambda row: _code(faults[row])):
        run = list(rows)
        yield run, faults[run[0]]


def _by_code(faults: Sequence[Rejected | None]) -> Iterator[tuple[Sequence[int], Rejected | None]]:
    groups: dict[str, list[int]] = {}
    for row, fault in enumerate(faults):
        groups.setdefault(_code(fault), []).append(row)
    for rows in groups.values():
        yield rows, faults[rows[0]]


def _code(fault: Rejected | None) -> str:
    return "" if fault is None else fault.code


def _gap(event: Event, at: Arrival, first: int, last: int, err: Rejected) -> Event:
    gap = Gap(event.boot, first, last, last - first + 1, f"rejected: {err.code}")
    return Event(
        EventType.GAP, event.site, event.device, "", -1, 1, at.now_ms, "application/json", _encode_gap(gap), at.area, at.now_ms
    )  # fmt: skip


def _stored(boot: str, first: int, count: int) -> tuple[AckRange, ...]:
    return (AckRange(boot, first, first + count - 1, "stored"),) if boot else ()


def _rejected(boot: str, first: int, last: int, err: Rejected) -> AckRange:
    return AckRange(boot, first, last, "rejected", str(err)[:200])
