"""EventLog: ordered partitions, groups whose partitions move between members, and one transaction for outputs and offsets.

A *partition is the unit*: whoever owns it writes through an `Owner`, and taking ownership fences every earlier owner,
so a worker that was stalled while its partition moved cannot commit (it gets `Fenced`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from city_model.topics import LogTopic

MAX_RECORD_BYTES = 1024 * 1024
"""Key, value and headers of one record together; more is Rejected("too_big"). Four times our largest payload, and Kafka's own default."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is appended. `value` None is a tombstone in a compacted topic. Headers keep their order."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A record where it stands. Offsets of a partition rise but may have holes (transactions, compaction)."""

    topic: str
    partition: int
    offset: int
    record: Record


@dataclass(frozen=True, slots=True)
class Output:
    """A record to be written by an owner, to its own partition number of `topic`."""

    topic: str
    record: Record


class Reader(Protocol):
    """Reads one partition in order, committed records only."""

    async def fetch(self, most: int, wait_s: float) -> list[Stored]:
        """Up to `most` next records; waits up to `wait_s` for the first, then returns what there is (perhaps nothing)."""
        ...

    @property
    def position(self) -> int:
        """Where the next fetch looks; unlike "last offset + 1" it passes holes, so all is read when position >= bounds()[1]."""
        ...

    async def close(self) -> None: ...


class Member(Protocol):
    """A member of a group. Liveness is proved by calling `assigned` at least every few seconds."""

    async def assigned(self) -> frozenset[int]:
        """The partitions that are this member's now."""
        ...

    async def leave(self) -> None:
        """Give the partitions up at once instead of by time-out."""
        ...


class Owner(Protocol):
    """The right to write for one (group, topic, partition). Created by `EventLog.own`, which fences every earlier owner."""

    async def committed(self) -> int | None:
        """The next offset to read, as last committed; None when nothing was."""
        ...

    async def commit(self, outputs: Sequence[Output], next_offset: int | None) -> None:
        """Outputs and (unless None) the consumed offset, all or nothing. Raises Fenced, or Unavailable when nothing was done for certain;
        after any exception this owner is of no more use: take over again."""
        ...

    async def close(self) -> None: ...


class EventLog(Protocol):
    """A log of partitioned topics."""

    async def ensure_topics(self, topics: Sequence[LogTopic], partitions: int) -> None:
        """Create what is missing. Raises Rejected when a topic exists with another partition count."""
        ...

    async def partitions(self, topic: str) -> int:
        """How many partitions `topic` has. Raises Rejected for an unknown topic."""
        ...

    async def append(self, topic: str, rows: Sequence[tuple[int, Record]]) -> None:
        """Write (partition, record) rows; on return all are durable. Order within a partition is kept, that of the calls too when several
        are under way. Raises Unavailable (some rows may be there), or Rejected (unknown topic or partition, too big: none is)."""
        ...

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """(first offset that is still there, offset the next record will get at the least)."""
        ...

    async def reader(self, topic: str, partition: int, offset: int) -> Reader:
        """Read from `offset` (or the first that is still there)."""
        ...

    async def join(self, group: str, topic: str, member: str) -> Member:
        """Become a member of `group` for `topic`."""
        ...

    async def own(self, group: str, topic: str, partition: int) -> Owner:
        """Take the partition over, fencing whoever owned it."""
        ...

    async def close(self) -> None: ...
