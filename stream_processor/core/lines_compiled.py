"""The compiled scanner of JSON lines, where numba is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.names import NameTable

if TYPE_CHECKING:
    from stream_processor.core.lines import LineFormat

Scanned = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]
"""Numbers of the messages that were read, their devices, times and values (k, n); and (number, start, stop) of those left aside."""


def line_scanner(form: LineFormat, table: NameTable) -> Callable[[bytes], Scanned] | None:
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

    def scanner(data: bytes) -> Scanned:
        most = data.count(b"\n") + 1
        number, device, at_ms = np.empty(most, np.int64), np.empty(most, np.int32), np.empty(most, np.int64)
        values, aside = np.empty((len(raw) - 2, most)), np.empty((most, 3), np.int64)
        read, left = scan(
            np.frombuffer(data, np.uint8), keys, sizes, table.slots, table.words, table.bits, number, device, at_ms, values, aside
        )
        return number[:read], device[:read], at_ms[:read], values[:, :read], aside[:left]

    return scanner
