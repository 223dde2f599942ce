"""PUBLISH of MQTT 5 (section 3.3), read from bytes: topic, packet id, content type, user properties, payload.

paho's own `Properties` take 240 µs to read the nine attributes of our envelope, ten times as long as all the rest of a message;
this takes a few. Properties that say nothing to us are skipped by their type.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

_U16 = struct.Struct("!H")
_U8_SIZE, _U16_SIZE, _U32_SIZE = 1, 2, 4
_CONTENT_TYPE, _USER_PROPERTY = 0x03, 0x26
_FIXED = {0x01: _U8_SIZE, 0x02: _U32_SIZE, 0x23: _U16_SIZE}  # payload format, message expiry, topic alias
_SIZED = frozenset({_CONTENT_TYPE, 0x08, 0x09})  # response topic, correlation data
_VARIABLE = 0x0B  # subscription identifier


class Publish(NamedTuple):
    """What a PUBLISH says. `packet_id` is 0 at QoS 0."""

    topic: str
    payload: bytes
    content_type: str
    properties: dict[str, str]
    packet_id: int
    qos: int
    retain: bool


def read_publish(command: int, body: bytes) -> Publish:
    """The message in `body`, which is all that follows the fixed header whose first byte is `command`.

    Raises ValueError when the bytes are not a PUBLISH of MQTT 5.
    """
    try:
        return _read(command, body)
    except (struct.error, IndexError, UnicodeDecodeError) as err:
        raise ValueError(f"malformed PUBLISH: {err}") from err


def _read(command: int, body: bytes) -> Publish:
    qos = command >> 1 & 3
    topic, at = _text(body, 0)
    packet_id = 0
    if qos:
        (packet_id,) = _U16.unpack_from(body, at)
        at += 2
    size, at = _variable(body, at)
    end = at + size
    if end > len(body) or not topic:
        raise ValueError("malformed PUBLISH: properties reach beyond the packet, or there is no topic")
    content_type, properties = "", {}
    unpack = _U16.unpack_from
    while at < end:
        kind = body[at]
        if kind == _USER_PROPERTY:  # nine of them in an envelope: read in place
            (size,) = unpack(body, at + 1)
            name = body[at + 3 : at + 3 + size].decode()
            at += 3 + size
            (size,) = unpack(body, at)
            properties[name] = body[at + 2 : at + 2 + size].decode()
            at += 2 + size
        elif kind == _CONTENT_TYPE:
            content_type, at = _text(body, at + 1)
        else:
            at = _skip(kind, body, at + 1)
    if at != end:
        raise ValueError("malformed PUBLISH: a property reaches into the payload")
    return Publish(topic, body[end:], content_type, properties, packet_id, qos, bool(command & 1))


def _text(body: bytes, at: int) -> tuple[str, int]:
    (size,) = _U16.unpack_from(body, at)
    end = at + 2 + size
    if end > len(body):
        raise ValueError("malformed PUBLISH: a text reaches beyond the packet")
    return body[at + 2 : end].decode(), end


def _variable(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in (0, 7, 14, 21):
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("malformed PUBLISH: a length of more than four bytes")


def _skip(kind: int, body: bytes, at: int) -> int:
    if kind in _FIXED:
        return at + _FIXED[kind]
    if kind in _SIZED:
        return at + 2 + int(_U16.unpack_from(body, at)[0])
    if kind == _VARIABLE:
        return _variable(body, at)[1]
    raise ValueError(f"malformed PUBLISH: property 0x{kind:02x} does not belong here")


def pack_properties(content_type: str, properties: Mapping[str, str]) -> bytes:
    """Length and bytes of the properties of a PUBLISH or of a Will. Raises ValueError for a text of more than 65,535 bytes."""
    try:
        parts = [b"\x03" + _packed_text(content_type)] if content_type else []
        parts += [b"\x26" + _packed_text(name) + _packed_text(value) for name, value in properties.items()]
    except struct.error as err:
        raise ValueError("a user property is longer than 65,535 bytes") from err
    packed = b"".join(parts)
    return _packed_length(len(packed)) + packed


def _packed_text(text: str) -> bytes:
    encoded = text.encode()
    return _U16.pack(len(encoded)) + encoded


def _packed_length(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
