"""Readings of many devices as columns, from any dialect: packed columns, JSON lines, SenML packs. One decoder, rows numbered once.

A source of many devices (a gateway, a bulk import) names its series `device/quantity` in packed columns; in SenML the base name carries
the device; in JSON lines a `LineFormat` says which member is what. Rows are numbers of devices in `Decoder.devices`, whatever the dialect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from city_model.codec import packed
from city_model.faults import Rejected
from stream_processor.core.lines import LineDecoder, LineFormat
from stream_processor.core.names import NameTable
from stream_processor.core.packs import PackDecoder

Dialect = Literal["lines", "packed", "senml"]


class Columns(NamedTuple):
    """One quantity's readings in order of arrival, arrays of shape (n,); `bad` messages were left out."""

    row: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    bad: int


class Decoder:
    """`quantity` is what is wanted of packed columns and SenML; of lines it is the first of the format's values."""

    def __init__(self, quantity: str, form: LineFormat) -> None:
        self._quantity = quantity
        self._lines = LineDecoder(form)
        self._table: NameTable = self._lines.table
        self._packs = PackDecoder(self._table, quantity)
        self._last = packed.LastNames()
        self._names: tuple[str, ...] = ()
        self._numbers: NDArray[np.int32] = np.empty(0, np.int32)
        self._all_wanted = True

    @property
    def devices(self) -> Sequence[str]:
        """Names of the devices met so far; a row is an index into it."""
        return self._table.names

    def decode(self, data: bytes, dialect: Dialect, now_ms: int = 0) -> Columns:
        """Columns of one block: lines of JSON, one packed message, or one SenML pack a line. Raises Rejected for a packed block."""
        if dialect == "lines":
            block = self._lines.decode(data)
            return Columns(block.device, block.at_ms, block.values[0], len(block.bad))
        if dialect == "senml":
            return Columns(*self._packs.decode(data, now_ms))
        readings = packed.decode(data, self._last)
        if readings.names is not self._names:  # senders name the same series again and again
            self._names, self._numbers = readings.names, np.array([self._row(name) for name in readings.names], np.int32)
            self._all_wanted = bool((self._numbers >= 0).all())
        row = self._numbers[readings.name_index]
        if self._all_wanted:
            return Columns(row, readings.at_ms, readings.value, 0)
        wanted = np.flatnonzero(row >= 0)
        return Columns(row[wanted], readings.at_ms[wanted], readings.value[wanted], 0)

    def _row(self, name: str) -> int:
        """The row of a series; -1: another quantity's."""
        device, separator, quantity = name.rpartition("/")
        if not separator:
            raise Rejected("malformed", f"{name[:60]!r} names no device")
        return self._table.number(device) if quantity == self._quantity else -1
