"""What is done inside one write transaction of the embedded log. Each function checks before it writes."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from city_model.faults import Fenced, Rejected
from city_model.topics import LogTopic
from stream_processor.logs.embedded_schema import to_row
from stream_processor.logs.port import Output, Record
from stream_processor.logs.sizes import reject_too_big

Place = tuple[str, int]  # topic, partition
Heads = dict[Place, int]  # → the next offset there


@dataclass(slots=True)
class Writing:
    """A write transaction under way. `heads` collects the partitions that grew."""

    db: sqlite3.Connection
    now_ms: int
    heads: Heads = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TopicRow:
    id: int
    partitions: int
    compacted: bool


def topic_row(db: sqlite3.Connection, name: str) -> TopicRow:
    """The topic called `name`. Raises Rejected("unknown_topic")."""
    row = db.execute("SELECT id, partitions, compacted FROM topics WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise Rejected("unknown_topic", f"the log has no topic {name!r}; ensure_topics makes it")
    return TopicRow(row[0], row[1], bool(row[2]))


def ensure_topic(writing: Writing, topic: LogTopic, partitions: int) -> None:
    """Create the topic, or take over a changed retention. Raises Rejected when partitions or compaction differ."""
    db = writing.db
    found = db.execute("SELECT partitions, compacted FROM topics WHERE name = ?", (topic.name,)).fetchone()
    if found is None:
        values = (topic.name, partitions, topic.retention_ms, topic.compacted)
        db.execute("INSERT INTO topics (name, partitions, retention_ms, compacted) VALUES (?, ?, ?, ?)", values)
        topic_id = topic_row(db, topic.name).id
        db.executemany("INSERT INTO heads VALUES (?, ?, 0, 0)", [(topic_id, partition) for partition in range(partitions)])
        return
    if found[0] != partitions:
        raise Rejected(
            "partition_count", f"topic {topic.name} has {found[0]} partitions, not {partitions}; the number is fixed when it is made"
        )
    if bool(found[1]) != topic.compacted:
        raise Rejected("compaction", f"topic {topic.name} is {'' if found[1] else 'not '}compacted; this is fixed when it is made")
    db.execute(
        "UPDATE topics SET retention_ms = ? WHERE name = ? AND retention_ms IS NOT ?", (topic.retention_ms, topic.name, topic.retention_ms)
    )


def append(writing: Writing, topic: str, rows: Sequence[tuple[int, Record]]) -> None:
    """Write the records in order. Raises Rejected (unknown topic, no such partition, too big) before anything is written."""
    found = topic_row(writing.db, topic)
    by_partition: dict[int, list[Record]] = defaultdict(list)
    for partition, record in rows:
        if not 0 <= partition < found.partitions:
            raise Rejected("bad_partition", f"topic {topic} has partitions 0..{found.partitions - 1}, not {partition}")
        reject_too_big(topic, record)
        by_partition[partition].append(record)
    for partition, records in by_partition.items():
        _extend(writing, topic, found, partition, records)


def _extend(writing: Writing, topic: str, found: TopicRow, partition: int, records: list[Record]) -> None:
    db, place = writing.db, (found.id, partition)
    first: int = db.execute("SELECT next FROM heads WHERE topic = ? AND partition = ?", place).fetchone()[0]
    rows = [to_row(found.id, partition, offset, record) for offset, record in enumerate(records, first)]
    db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    db.execute("UPDATE heads SET next = ? WHERE topic = ? AND partition = ?", (first + len(records), *place))
    if found.compacted:
        for offset, record in enumerate(records, first):
            _supersede(writing, found.id, partition, record.key, offset)
    writing.heads[topic, partition] = first + len(records)


def _supersede(writing: Writing, topic_id: int, partition: int, key: bytes, offset: int) -> None:
    older = "(SELECT offset FROM newest WHERE topic = ?1 AND partition = ?2 AND key = ?3)"
    writing.db.execute(f"DELETE FROM records WHERE topic = ?1 AND partition = ?2 AND offset = {older}", (topic_id, partition, key))
    writing.db.execute("INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?, ?)", (topic_id, partition, key, offset, writing.now_ms))


def own(writing: Writing, group: str, topic: str, partition: int) -> int:
    """A new epoch for (group, topic, partition), which fences all earlier ones."""
    found = topic_row(writing.db, topic)
    if not 0 <= partition < found.partitions:
        raise Rejected("bad_partition", f"topic {topic} has partitions 0..{found.partitions - 1}, not {partition}")
    writing.db.execute(
        "INSERT INTO owners VALUES (?, ?, ?, 1, NULL) ON CONFLICT (grp, topic, partition) DO UPDATE SET epoch = epoch + 1",
        (group, found.id, partition),
    )
    return _owner(writing.db, group, found.id, partition)[0]


@dataclass(frozen=True, slots=True)
class Claim:
    """What an owner claims: to be the one of this epoch."""

    group: str
    topic: str
    partition: int
    epoch: int


def commit(writing: Writing, claim: Claim, outputs: Sequence[Output], next_offset: int | None) -> None:
    """Outputs and offset of the owner with this claim. Raises Fenced."""
    topic_id = topic_row(writing.db, claim.topic).id
    check(writing.db, claim, topic_id)
    by_topic: dict[str, list[tuple[int, Record]]] = defaultdict(list)
    for output in outputs:
        by_topic[output.topic].append((claim.partition, output.record))
    for topic, rows in by_topic.items():
        append(writing, topic, rows)
    if next_offset is not None:
        where = (next_offset, claim.group, topic_id, claim.partition)
        writing.db.execute("UPDATE owners SET next_offset = ? WHERE grp = ? AND topic = ? AND partition = ?", where)


def committed(db: sqlite3.Connection, claim: Claim) -> int | None:
    """The committed offset, as the owner with this claim sees it. Raises Fenced."""
    return check(db, claim, topic_row(db, claim.topic).id)


def check(db: sqlite3.Connection, claim: Claim, topic_id: int) -> int | None:
    """The committed offset if the claim still holds. Raises Fenced."""
    epoch, next_offset = _owner(db, claim.group, topic_id, claim.partition)
    if epoch != claim.epoch:
        raise Fenced(
            f"log: {claim.group} {claim.topic}/{claim.partition}: taken over by a later owner (epoch {epoch}, ours was {claim.epoch})"
        )
    return next_offset


def _owner(db: sqlite3.Connection, group: str, topic_id: int, partition: int) -> tuple[int, int | None]:
    query = "SELECT epoch, next_offset FROM owners WHERE grp = ? AND topic = ? AND partition = ?"
    epoch, next_offset = db.execute(query, (group, topic_id, partition)).fetchone()
    return epoch, next_offset
