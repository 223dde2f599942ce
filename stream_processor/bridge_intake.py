"""What the bridge makes of one MQTT message: a pure function of the message, the registry and the time.

Everything that will never be good ends in `refused` with a short code to count by; nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from city_model.codec import cloudevents, packed, plain, samples, senml
from city_model.events import Event, EventType, Gap, Status
from city_model.faults import Rejected
from city_model.registry import City, Device
from city_model.topics import FRAMES, INPUTS, MAX_PAYLOAD_BYTES, Stream, parse_mqtt_topic
from city_model.transport.port import Message
from stream_processor.bridge_jpeg import check_jpeg
from stream_processor.bridge_parts import Arrival, Taken, refused, whole_single
from stream_processor.bridge_readings import take_readings
from stream_processor.bridge_samples import take_samples

_JPEG = "image/jpeg"
_JSON = "application/json"
T = TypeVar("T")


def intake(message: Message, city: City, now_ms: int) -> Taken:
    """What becomes of `message`."""
    event: Event | None = None
    at = Arrival(message.topic, "", now_ms)
    known = False
    try:
        site, device, stream = parse_mqtt_topic(message.topic)
        event = _envelope(message, site, device, stream, now_ms)
        if event.boot and event.seq < 0:
            raise Rejected("malformed", f"envelope: sequence {event.seq} of boot {event.boot!r}")
        registered = _registered(event, site, device, city)
        at, known = Arrival(message.topic, city.area_of(device), now_ms), True
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            raise _too_large(message)
        return _TAKE[stream](event, registered, at)
    except Rejected as err:
        counted = event is not None and event.type in (EventType.READINGS, EventType.SAMPLES) and event.count <= packed.MAX_READINGS
        return refused(event, at, err, message.payload, leaves_gap=known and counted)


def _envelope(message: Message, site: str, device: str, stream: Stream, now_ms: int) -> Event:
    """Binary mode, structured mode, or bare readings from a client that knows no envelope."""
    kind = media_type(message.content_type)
    if "specversion" in message.properties:
        return cloudevents.from_attributes(message.properties, message.content_type, message.payload)
    if len(message.payload) > MAX_PAYLOAD_BYTES:
        raise _too_large(message)
    start = message.payload[:64].lstrip()[:1]
    if kind == cloudevents.STRUCTURED or (not kind and start == b"{" and b'"specversion"' in message.payload):
        return cloudevents.from_structured(message.payload)
    if stream != "telemetry":
        raise Rejected("malformed", "no envelope: neither the property 'specversion' nor a structured CloudEvents object")
    return Event(EventType.READINGS, site, device, "", -1, 1, now_ms, kind or _guess(start, message.payload), message.payload)


def _guess(start: bytes, payload: bytes) -> str:
    """MQTT 3.1.1 has no content type; SenML is a list whose records have the labels n or bn."""
    if start == b"{":
        return plain.CONTENT_TYPE
    if start == b"[":
        return senml.CONTENT_TYPE if b'"n"' in payload or b'"bn"' in payload else plain.CONTENT_TYPE
    raise Rejected("malformed", "neither an envelope nor JSON readings")


def _registered(event: Event, site: str, device: str, city: City) -> Device:
    registered = city.devices.get(device)
    if registered is None:
        raise Rejected("unknown_device", f"{device[:63]!r} is not in the registry")
    if registered.site != site:
        raise Rejected("wrong_source", f"{device} stands at {registered.site}, not at {site[:63]!r}")
    if (event.site, event.device) != (site, device):
        raise Rejected("wrong_source", f"source {event.source[:130]!r} on the topic of /{site}/{device}")
    return registered


def _take_telemetry(event: Event, device: Device, at: Arrival) -> Taken:
    if event.type == EventType.READINGS:
        return take_readings(event, media_type(event.content_type), device.kind, at)
    if event.type == EventType.SAMPLES and media_type(event.content_type) in (samples.CONTENT_TYPE, _JSON):
        return take_samples(event, device, at)
    raise _unknown(event)


def _take_frame(event: Event, device: Device, at: Arrival) -> Taken:
    if event.type != EventType.FRAME or media_type(event.content_type) != _JPEG:
        raise _unknown(event)
    if device.kind != "camera":
        raise Rejected("not_a_camera", f"{device.id} is of kind {device.kind!r}")
    check_jpeg(event.data)
    return whole_single(event, at, FRAMES, _JPEG)


def _take_event(event: Event, device: Device, at: Arrival) -> Taken:
    if event.type != EventType.GAP:
        raise _unknown(event)
    gap = _decoded(Gap, event)
    if not -1 <= gap.first_seq <= gap.last_seq < 2**53 or len(gap.boot) > 64 or gap.count < 0:
        raise Rejected("malformed", f"gap of {gap.first_seq}..{gap.last_seq}")
    return whole_single(event, at, INPUTS, _JSON)


def _take_status(event: Event, device: Device, at: Arrival) -> Taken:
    if event.type != EventType.STATUS:
        raise _unknown(event)
    _decoded(Status, event)
    return whole_single(event, at, INPUTS, _JSON)


def _no_input(event: Event, device: Device, at: Arrival) -> Taken:
    raise Rejected("bad_topic", "goes down to the device, not up from it")


_TAKE: dict[Stream, Callable[[Event, Device, Arrival], Taken]] = {
    "telemetry": _take_telemetry,
    "frame": _take_frame,
    "event": _take_event,
    "status": _take_status,
    "cmd": _no_input,
    "ack": _no_input,
}


def _decoded(kind: type[T], event: Event) -> T:
    try:
        return msgspec.json.decode(event.data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"{event.type}: {err}") from err


def media_type(content_type: str) -> str:
    """`content_type` without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def _unknown(event: Event) -> Rejected:
    return Rejected("unknown_type", f"type {event.type[:80]!r} with content {event.content_type[:80]!r}")


def _too_large(message: Message) -> Rejected:
    return Rejected("too_large", f"{len(message.payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
