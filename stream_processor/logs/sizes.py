"""The one bound on a record, the same whatever log it goes to."""

from __future__ import annotations

from city_model.faults import Rejected
from stream_processor.logs.port import MAX_RECORD_BYTES, Record


def reject_too_big(topic: str, record: Record) -> None:
    """Raises Rejected("too_big") when key, value and headers together exceed MAX_RECORD_BYTES."""
    size = len(record.key) + len(record.value or b"") + sum(len(name) + len(value) for name, value in record.headers)
    if size > MAX_RECORD_BYTES:
        raise Rejected("too_big", f"a record of {size} bytes for {topic}; at most {MAX_RECORD_BYTES}")
