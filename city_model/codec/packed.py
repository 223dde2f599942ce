"""Packed columns, `application/vnd.saola.columns`: what our own agents send and what stands in the log.

Layout, little-endian, version 1::

    b"SC" · version u8 · header length u16 · header (msgpack: {"names": [...], "n": count, "t0": ms})
    time offsets from t0, i64[n] · values, f64[n] · index into names, u16[n]

Times come first and values next so that every column numpy views is a plain run of bytes; nothing is parsed per reading.
"""

from __future__ import annotations

import struct

import msgspec
import numpy as np

from city_model.events import Readings
from city_model.faults import Rejected

CONTENT_TYPE = "application/vnd.saola.columns"
_MAGIC = b"SC"
_VERSION = 1
_PREFIX = struct.Struct("<2sBH")
_ROW_BYTES = 8 + 8 + 2
MAX_READINGS = 10_000


class _Header(msgspec.Struct):
    names: tuple[str, ...]
    n: int
    t0: int


_encode_header = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(_Header).decode


def encode(readings: Readings) -> bytes:
    """Bytes of `readings`; `decode` gives them back exactly."""
    t0 = int(readings.at_ms[0]) if len(readings) else 0
    header = _encode_header(_Header(readings.names, len(readings), t0))
    return b"".join(
        (
            _PREFIX.pack(_MAGIC, _VERSION, len(header)),
            header,
            (readings.at_ms - t0).astype("<i8").tobytes(),
            readings.value.astype("<f8").tobytes(),
            readings.name_index.astype("<u2").tobytes(),
        )
    )


def decode(data: bytes) -> Readings:
    """Readings of `data`. Raises Rejected("malformed") when it is not what `encode` writes."""
    try:
        magic, version, header_bytes = _PREFIX.unpack_from(data)
        header = _decode_header(memoryview(data)[_PREFIX.size : _PREFIX.size + header_bytes])
    except (struct.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"packed header: {err}") from err
    if magic != _MAGIC or version != _VERSION:
        raise Rejected("malformed", f"packed columns: magic {magic!r} version {version}, expected {_MAGIC!r} version {_VERSION}")
    start, n = _PREFIX.size + header_bytes, header.n
    if not 0 <= n <= MAX_READINGS or len(data) != start + n * _ROW_BYTES:
        raise Rejected("malformed", f"packed columns: {len(data)} bytes do not hold {n} readings (at most {MAX_READINGS})")
    offsets = np.frombuffer(data, "<i8", n, start)
    value = np.frombuffer(data, "<f8", n, start + 8 * n)
    name_index = np.frombuffer(data, "<u2", n, start + 16 * n)
    if n and int(name_index.max()) >= len(header.names):
        raise Rejected("malformed", "packed columns: a reading names no series")
    return Readings(header.names, name_index, offsets + header.t0, value)
