"""The compiled scanner of JSON lines, where numba is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.names import NameTable

if TYPE_CHECKING:
    from stream_processor.core.lines import LineFormat

_MOST_HALTS = 64
"""New devices of a block that the scan halts for. A halt costs as much as a dozen lines left aside; in a backlog it saves hundreds."""
Scanned = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]
"""Numbers of the messages that were read, their devices, times and values (k, n)."""
Aside = Callable[[NDArray[np.int64]], None]
"""Takes (number, start, stop) of lines left aside, in their order, and enters their devices into the table."""


def line_scanner(form: LineFormat, table: NameTable) -> Callable[[bytes, Aside], Scanned] | None:
    """A scanner for `form` that knows the devices of `table`, or None without numba."""
    try:
        from stream_processor.core.lines_numba import scan
    except ImportError:
        return None
    members = [form.device, form.time, *(name for name, _, _ in form.values)]
    raw = [name.encode() for name in members]
    if len(members) > 60 or any(not 0 < len(name) <= 64 for name in raw):
        return None
    keys: NDArray[Any] = np.zeros((len(raw), 64), np.uint8)
    for row, name in zip(keys, raw, strict=True):
        row[: len(name)] = np.frombuffer(name, np.uint8)
    sizes = np.array([len(name) for name in raw])

    def scanner(data: bytes, take_aside: Aside) -> Scanned:
        most = data.count(b"\n") + 1
        number, device, at_ms = np.empty(most, np.int64), np.empty(most, np.int32), np.empty(most, np.int64)
        values, aside = np.empty((len(raw) - 2, most)), np.empty((most, 3), np.int64)
        place, text, halts = np.zeros(4, np.int64), np.frombuffer(data, np.uint8), 0
        while place[0] < len(data):
            taken = int(place[3])
            out = number, device, at_ms, values
            scan(text, keys, sizes, table.slots, table.words, table.bits, out, aside, place, halts < _MOST_HALTS)
            halts += 1
            if place[3] > taken:
                take_aside(aside[taken : place[3]])
        read = int(place[2])
        return number[:read], device[:read], at_ms[:read], values[:, :read]

    return scanner
