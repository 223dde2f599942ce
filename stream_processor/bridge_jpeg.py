"""What can be known of a JPEG without decoding it: that it is one, that it is whole, how many pixels it would be.

Decoding a hostile picture costs seconds and gigabytes; reading its markers (ITU-T T.81, annex B) costs microseconds.
"""

from __future__ import annotations

import struct

from city_model.faults import Rejected

MAX_PIXELS = 16 * 1024 * 1024
MAX_SCANS = 64
"""A progressive picture has about ten, and every one is a pass over all pixels: thousands in 200 kB would be minutes of decoding."""
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..SOF15; the three others are tables
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_SCAN, _SCAN_MARKER = 0xDA, b"\xff\xda"
_SIZE = struct.Struct("!HBHHB")  # segment length, bits per component, lines, columns, components


def check_jpeg(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels. Raises Rejected: not_jpeg, truncated_jpeg, too_many_pixels, too_many_scans."""
    if not data.startswith(_START):
        raise Rejected("not_jpeg", f"starts with {data[:3].hex() or 'nothing'}; expected ffd8ff")
    if not data.rstrip(b"\0").endswith(_END):
        raise Rejected("truncated_jpeg", f"{len(data)} bytes without an end marker")
    if (scans := data.count(_SCAN_MARKER)) > MAX_SCANS:  # within a scan ff is followed by 00 or a restart marker
        raise Rejected("too_many_scans", f"{scans}; at most {MAX_SCANS}")
    try:
        return _walk(data)
    except (struct.error, IndexError):
        raise Rejected("truncated_jpeg", f"{len(data)} bytes end within the header") from None


def _walk(data: bytes) -> tuple[int, int]:
    at, size = 2, (0, 0)
    while True:
        if data[at] != 0xFF:
            raise Rejected("not_jpeg", f"no marker at byte {at}")
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker in _ALONE:
            continue
        if marker == _SCAN:
            if size == (0, 0):
                raise Rejected("not_jpeg", "picture data before its size")
            return size
        if marker in _FRAMES:
            size = _dimensions(data, at)
        elif marker == 0xD9:
            raise Rejected("not_jpeg", "ends before any picture data")
        (length,) = struct.unpack_from("!H", data, at)
        at += max(2, length)


def _dimensions(data: bytes, at: int) -> tuple[int, int]:
    _, bits, height, width, components = _SIZE.unpack_from(data, at)
    if bits != 8 or not height or not width or components not in (1, 3, 4):
        raise Rejected("not_jpeg", f"{width}x{height} pixels of {components} components with {bits} bits")
    if width * height > MAX_PIXELS:
        raise Rejected("too_many_pixels", f"{width}x{height}; at most {MAX_PIXELS} pixels")
    return width, height
