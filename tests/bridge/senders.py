"""Messages as agents and strangers send them, for the city of `tests.mosquitto_fixture`."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from city_model.codec import cloudevents, packed, samples
from city_model.events import Event, EventType, Readings, TrafficSample
from city_model.topics import Stream, mqtt_topic
from city_model.transport.port import Message

NOW_MS = 1_795_564_800_000  # 2026-11-25T00:00:00Z
BOOT = "01a2b3c4d5e6-7f"


def readings(values: Sequence[float], name: str = "pm25", start_ms: int = NOW_MS) -> bytes:
    """Packed readings of one series, a second apart."""
    n = len(values)
    times = start_ms + 1000 * np.arange(n, dtype=np.int64)
    return packed.encode(Readings((name,), np.zeros(n, np.uint16), times, np.array(values, np.float64)))


def message(
    data: bytes, *, site: str = "ht-kt", device: str = "air-1", stream: Stream = "telemetry", kind: str = EventType.READINGS,
    content_type: str = packed.CONTENT_TYPE, boot: str = BOOT, seq: int = 0, count: int = 1, source: tuple[str, str] | None = None,
) -> Message:  # fmt: skip
    """A binary-mode message; `source` says another (site, device) in the envelope than in the topic."""
    event = Event(kind, *(source or (site, device)), boot, seq, count, NOW_MS, content_type, data)
    return Message(mqtt_topic(site, device, stream), data, content_type, cloudevents.attributes(event))


def batch(values: Sequence[float], **changes: object) -> Message:
    """Packed readings with the right count."""
    return message(readings(values), count=len(values), **changes)  # type: ignore[arg-type]  # the keywords of `message`


def sample(direction: str = "in", at_ms: int = NOW_MS, occupancy: float = 0.2) -> TrafficSample:
    return TrafficSample(at_ms, 30.0, direction, 12, 3, 1, 900.0, occupancy, 0.9, 31.0, None, "homography")


def seen(rows: Sequence[TrafficSample], **changes: object) -> Message:
    """Traffic samples of the camera."""
    fields: dict[str, object] = {"device": "cam-1", "kind": EventType.SAMPLES, "content_type": samples.CONTENT_TYPE, "count": len(rows)}
    return message(samples.encode(rows), **(fields | changes))  # type: ignore[arg-type]  # the keywords of `message`


def picture(width: int = 64, height: int = 48) -> bytes:
    """A small JPEG."""
    ok, data = cv2.imencode(".jpg", np.full((height, width, 3), 90, np.uint8))
    assert ok
    return bytes(data)


def frame(data: bytes, **changes: object) -> Message:
    fields: dict[str, object] = {"device": "cam-1", "stream": "frame", "kind": EventType.FRAME, "content_type": "image/jpeg"}
    return message(data, **(fields | changes))  # type: ignore[arg-type]  # the keywords of `message`
