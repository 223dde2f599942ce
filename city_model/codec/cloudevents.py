"""The envelope: CloudEvents 1.0. Binary mode as string attributes (MQTT 5 user properties; Kafka headers with `ce_`),
structured mode as one JSON object for MQTT 3.1.1 senders.

Extensions of ours: `sequence` (zero-padded), `count` (items in the batch), `partitionkey` (= area), `recordedtime`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from city_model.events import Event
from city_model.faults import Rejected

STRUCTURED = "application/cloudevents+json"
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@lru_cache(maxsize=64)
def rfc3339(at_ms: int) -> str:
    """`at_ms` as 2026-11-25T04:05:06.789Z. The newest few are remembered: a whole batch is recorded at one time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> int:
    """Milliseconds of an RFC 3339 time with an offset. Raises Rejected("bad_time")."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError("no UTC offset")
        return round(at.timestamp() * 1000)
    except (ValueError, OverflowError) as err:
        raise Rejected("bad_time", f"{text[:60]!r}: {err}") from err


def attributes(event: Event) -> dict[str, str]:
    """CloudEvents attributes of `event`, without prefix and without the content type (each transport has its own place for it)."""
    out = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": rfc3339(event.at_ms),
        "count": str(event.count),
    }
    if event.boot:
        out["sequence"] = f"{event.seq:020d}"
        out["boot"] = event.boot
    if event.area:
        out["partitionkey"] = event.area
    if event.recorded_ms:
        out["recordedtime"] = rfc3339(event.recorded_ms)
    return out


def from_attributes(attrs: Mapping[str, str], content_type: str, data: bytes) -> Event:
    """The event that `attributes` described. Raises Rejected("malformed" or "bad_time")."""
    try:
        if attrs["specversion"] != "1.0":
            raise Rejected("malformed", f"specversion {attrs['specversion'][:20]!r}, expected '1.0'")
        _, site, device = attrs["source"].split("/")
        boot = attrs.get("boot", "")
        seq = int(attrs["sequence"]) if boot else -1
        count = int(attrs.get("count", "1"))
        kind, time = attrs["type"], attrs["time"]
    except KeyError as err:
        raise Rejected("malformed", f"envelope lacks {err.args[0]!r}") from None
    except ValueError as err:
        raise Rejected("malformed", f"envelope: {err}") from None
    if count < 0 or len(boot) > 64 or not -1 <= seq < 2**53:
        raise Rejected("malformed", f"envelope: sequence {seq}, count {count}, boot of {len(boot)} characters")
    recorded = attrs.get("recordedtime")
    return Event(
        kind, site, device, boot, seq, count, parse_rfc3339(time), content_type, data,
        area=attrs.get("partitionkey", ""), recorded_ms=parse_rfc3339(recorded) if recorded else 0,
    )  # fmt: skip


def from_structured(body: bytes) -> Event:
    """The event of a structured-mode JSON message. Raises Rejected."""
    try:
        fields = _decode_object(body)
        attrs = {k: _text(v) for k, v in fields.items() if k not in {"data", "data_base64"}}
        data = bytes(fields["data"]) if "data" in fields else _base64(fields["data_base64"])
    except KeyError:
        raise Rejected("malformed", "structured event has neither data nor data_base64") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as err:
        raise Rejected("malformed", f"structured event: {err}") from err
    return from_attributes(attrs, attrs.get("datacontenttype", "application/json"), data)


def _base64(raw: msgspec.Raw) -> bytes:
    return base64.b64decode(msgspec.json.decode(raw, type=str), validate=True)


def _text(raw: msgspec.Raw) -> str:
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else str(value)
