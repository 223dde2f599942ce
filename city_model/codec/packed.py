"""Packed columns, `application/vnd.saola.columns`: what our own agents send and what stands in the log.

Layout, little-endian, version 1, and version 2 where version 1 has no room for the names::

    b"SC" · version u8 · header length u16 (version 2: u32) · header (msgpack: {"names": [...], "n": count, "t0": ms})
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
_PREFIXES = {1: struct.Struct("<2sBH"), 2: struct.Struct("<2sBI")}
_VERSION_1_HEADER = 0xFFFF
_ROW_BYTES = 8 + 8 + 2
MAX_READINGS = 10_000


class _Header(msgspec.Struct):
    names: tuple[str, ...]
    n: int
    t0: int


class _Rest(msgspec.Struct):
    n: int
    t0: int


class _RawNames(msgspec.Struct):
    names: msgspec.Raw


_encode_header = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(_Header).decode
_decode_rest = msgspec.msgpack.Decoder(_Rest).decode
_decode_raw_names = msgspec.msgpack.Decoder(_RawNames).decode
_NAMES_KEY = b"\x83\xa5names"
_REST = b"\x82"  # a map of the two members that follow the names


class LastNames:
    """The names of the last message: a gateway sends the same thousands again and again, and comparing bytes is cheaper than reading."""

    def __init__(self) -> None:
        self._head = b""
        self._names: tuple[str, ...] = ()

    def header(self, data: bytes) -> tuple[tuple[str, ...], int, int]:
        """(names, n, t0) of header bytes; the same tuple again for the same names. Raises msgspec.DecodeError."""
        if self._head and data.startswith(self._head):
            rest = _decode_rest(_REST + data[len(self._head) :])
            return self._names, rest.n, rest.t0
        header = _decode_header(data)
        if data.startswith(_NAMES_KEY):
            self._head, self._names = _NAMES_KEY + bytes(_decode_raw_names(data).names), header.names
        return header.names, header.n, header.t0


def _header(data: bytes) -> tuple[tuple[str, ...], int, int]:
    header = _decode_header(data)
    return header.names, header.n, header.t0


def encode(readings: Readings) -> bytes:
    """Bytes of `readings`; `decode` gives them back exactly."""
    t0 = int(readings.at_ms[0]) if len(readings) else 0
    header = _encode_header(_Header(readings.names, len(readings), t0))
    version = 1 if len(header) <= _VERSION_1_HEADER else 2
    return b"".join(
        (
            _PREFIXES[version].pack(_MAGIC, version, len(header)),
            header,
            (readings.at_ms - t0).astype("<i8").tobytes(),
            readings.value.astype("<f8").tobytes(),
            readings.name_index.astype("<u2").tobytes(),
        )
    )


def decode(data: bytes, last: LastNames | None = None) -> Readings:
    """Readings of `data`. Raises Rejected("malformed", "bad_time") for what `encode` never writes. `last` saves reading names again."""
    prefix = _PREFIXES.get(data[2] if len(data) > 2 else 0)
    if prefix is None or data[:2] != _MAGIC:
        raise Rejected("malformed", f"packed columns: begins with {data[:3]!r}, expected {_MAGIC!r} and version 1 or 2")
    try:
        _, _, header_bytes = prefix.unpack_from(data)
        names, n, t0 = (last.header if last else _header)(data[prefix.size : prefix.size + header_bytes])
    except (struct.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"packed header: {err}") from err
    start = prefix.size + header_bytes
    if not 0 <= n <= MAX_READINGS or len(data) != start + n * _ROW_BYTES:
        raise Rejected("malformed", f"packed columns: {len(data)} bytes do not hold {n} readings (at most {MAX_READINGS})")
    if not -(2**53) <= t0 <= 2**53:
        raise Rejected("bad_time", f"packed columns: t0 {t0} ms since 1970")
    offsets = np.frombuffer(data, "<i8", n, start)
    value = np.frombuffer(data, "<f8", n, start + 8 * n)
    name_index = np.frombuffer(data, "<u2", n, start + 16 * n)
    if n and int(name_index.max()) >= len(names):
        raise Rejected("malformed", "packed columns: a reading names no series")
    return Readings(names, name_index, offsets + t0, value)


def only_named(readings: Readings) -> Readings:
    """The same readings without the names that none of them has, in the order of their first use."""
    used, first, inverse = np.unique(readings.name_index, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(used), np.uint16)
    place[order] = np.arange(len(used), dtype=np.uint16)
    names = tuple(readings.names[k] for k in used[order].tolist())
    return Readings(names, place[inverse], readings.at_ms, readings.value)
