"""Batches and acks for tests of the outbox and of what stands on it."""

from __future__ import annotations

from collections.abc import Iterable

from city_model.events import AckRange, EventType
from edge_agent.outbox import Batch
from edge_agent.segment_file import Kept


def batch(device: str = "air-1", count: int = 3, size_bytes: int = 40, at_ms: int = 1000) -> Batch:
    """A batch whose bytes mean nothing."""
    return Batch("site-1", device, "telemetry", EventType.READINGS, "application/octet-stream", count, at_ms, b"x" * size_bytes)


def stored(kept: Kept, first: int = 0, last: int | None = None) -> AckRange:
    """The bridge's word on items `first..last` of a batch (all of them unless said)."""
    seq = kept.event.seq
    return AckRange(kept.event.boot, seq + first, seq + (kept.event.count - 1 if last is None else last), "stored")


def ids(kept: Iterable[Kept]) -> list[int]:
    """Their ids."""
    return [k.id for k in kept]
