"""A compacted topic as it stands: the newest record of each key."""

from __future__ import annotations

from stream_processor.logs.port import EventLog, Record


async def newest_of_keys(log: EventLog, topic: str, partition: int) -> dict[bytes, Record]:
    """By key, in the order in which keys first came; what a tombstone took away is not there."""
    first, end = await log.bounds(topic, partition)
    reader = await log.reader(topic, partition, first)
    found: dict[bytes, Record] = {}
    try:
        while reader.position < end:
            found |= {row.record.key: row.record for row in await reader.fetch(1_000, wait_s=0.5)}
    finally:
        await reader.close()
    return {key: record for key, record in found.items() if record.value is not None}
