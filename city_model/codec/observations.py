"""Observations: what the engine passes on to the series store. Packed columns whose names are whole series, and flags for all of them.

Series are `device/quantity` for readings and `device/direction/quantity` for traffic samples.
"""

from __future__ import annotations

import msgspec

from city_model.codec import packed
from city_model.events import Readings
from city_model.faults import Rejected

CONTENT_TYPE = "application/vnd.saola.observations"


class _Observations(msgspec.Struct):
    v: int
    flags: int
    columns: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Observations).decode


def encode(readings: Readings, flags: int = 0) -> bytes:
    """Bytes of `readings` (names are series), all with the same `flags` (bits of stream_processor.stores.port.Flag)."""
    return _encode(_Observations(1, flags, packed.encode(readings)))


def decode(data: bytes) -> tuple[Readings, int]:
    """(readings, flags). Raises Rejected("malformed")."""
    try:
        decoded = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"observations: {err}") from err
    if decoded.v != 1:
        raise Rejected("malformed", f"observations: version {decoded.v}, expected 1")
    return packed.decode(decoded.columns), decoded.flags
