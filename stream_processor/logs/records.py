"""Events as records of the log and back: CloudEvents binary mode, `ce_` headers, key = area (or what the topic asks for)."""

from __future__ import annotations

from city_model.codec import cloudevents
from city_model.events import Event
from city_model.faults import Rejected
from stream_processor.logs.port import Record


def to_record(event: Event, key: str | None = None) -> Record:
    """The record of `event`; its key is the area unless given."""
    headers = [("content-type", event.content_type.encode())]
    headers += [(f"ce_{name}", value.encode()) for name, value in cloudevents.attributes(event).items()]
    return Record((event.area if key is None else key).encode(), event.data, tuple(headers), event.at_ms)


def from_record(record: Record) -> Event:
    """The event of a record. Raises Rejected("malformed")."""
    try:
        headers = {name: value.decode() for name, value in record.headers}
    except UnicodeDecodeError as err:
        raise Rejected("malformed", f"header: {err}") from err
    attrs = {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}
    return cloudevents.from_attributes(attrs, headers.get("content-type", ""), record.value or b"")
