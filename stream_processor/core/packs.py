"""SenML packs (RFC 8428) of many devices into columns, a pack a line: the base name carries the device, `device:` or `device/`.

Of the common form, base fields in the first record only and a number in each, the first record is decoded by itself and the others are read
all at once (`packs_alike`); whatever else a pack may be, `city_model.codec.senml` reads. A pack that is bad is bad as a whole, as RFC 8428
has it.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from city_model.codec import senml
from city_model.faults import Rejected
from stream_processor.core.names import NameTable
from stream_processor.core.packs_alike import Marked, Record, RecordReader, decode_record

_LATEST_S = 2.0**43
_RELATIVE_BELOW_S = 2**28  # RFC 8428 section 4.5.3


class Pack(NamedTuple):
    """Columns of one quantity over all packs; `bad` is the number of packs refused."""

    row: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    bad: int


class _Part(NamedTuple):
    """Readings and the number of the pack that each is of."""

    pack: NDArray[np.int64]
    row: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]


class PackDecoder:
    """Decodes blocks of packs; devices get rows in `table`."""

    def __init__(self, table: NameTable, quantity: str) -> None:
        self._table = table
        self._quantity = quantity
        self._reader = RecordReader(quantity)

    def decode(self, data: bytes, now_ms: int) -> Pack:
        """The packs of `data`; relative times count from `now_ms`."""
        block = Marked.of(data)
        found = self._reader.read(block)
        first = block.first
        heads = [self._head(block, i) for i in first.tolist()]
        base_s, base_value = np.array([(0.0, 0.0) if head is None else (head.bt or 0.0, head.bv or 0.0) for head in heads]).T
        found.good[first] = [head is not None for head in heads]
        found.wanted[first] = [head is not None and head.n == self._quantity for head in heads]
        found.seconds[first] = [0.0 if head is None else head.t for head in heads]
        found.value[first] = [0.0 if head is None else head.v for head in heads]
        pack = np.repeat(np.arange(len(first)), np.diff(first, append=len(found.good)))
        at_s = found.seconds + base_s[pack]
        found.good[:] &= (at_s >= _RELATIVE_BELOW_S) & (at_s < _LATEST_S)
        plain = np.logical_and.reduceat(found.good, first) & block.closed
        rows, others, bad = self._rows(block, heads, plain.tolist(), now_ms)
        some = np.flatnonzero(found.wanted & plain[pack])
        own = pack[some]
        mine = _Part(own, rows[own], np.rint(at_s[some] * 1000).astype(np.int64), found.value[some] + base_value[own])
        return _in_order([mine, *others], bad)

    def _head(self, block: Marked, i: int) -> Record | None:
        """The first record of a pack of the common form; None: read the pack the long way."""
        line = block.record(i)
        if line[:1] != b"[" or b'_"' in line or b"\\" in line:
            return None
        try:
            head = decode_record(line[1:])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        device = (head.bn or "")[:-1]
        if head.bu or not head.bn or head.bn[-1] not in ":/" or ":" in device or "/" in device or not head.fits():
            return None
        return head

    def _rows(
        self, block: Marked, heads: list[Record | None], plain: list[bool], now_ms: int
    ) -> tuple[NDArray[np.int32], list[_Part], int]:  # fmt: skip
        """(rows of the packs that are plain, readings of the others, how many of those are refused): numbered in the packs' order."""
        rows = np.zeros(len(heads), np.int32)
        others: list[_Part] = []
        bad = 0
        for pack, (head, is_plain) in enumerate(zip(heads, plain, strict=True)):
            if head is not None and head.bn and is_plain:
                rows[pack] = self._table.number(head.bn[:-1])
                continue
            line = block.line(pack)
            if not line:
                continue
            try:
                device, at_ms, value = self._any(line, now_ms)
            except Rejected:
                bad += 1
                continue
            n = len(value)
            others.append(_Part(np.full(n, pack), np.full(n, self._table.number(device), np.int32), at_ms, value))
        return rows, others, bad

    def _any(self, line: bytes, now_ms: int) -> tuple[str, NDArray[np.int64], NDArray[np.float64]]:
        """The long way. Raises Rejected."""
        device, readings = senml.decode_of_device(line, now_ms)
        names = np.array([name == self._quantity for name in readings.names], np.bool_)
        wanted = names[readings.name_index] if len(readings) else np.empty(0, np.bool_)
        return device, readings.at_ms[wanted], readings.value[wanted]


def _in_order(parts: list[_Part], bad: int) -> Pack:
    if len(parts) == 1:
        return Pack(parts[0].row, parts[0].at_ms, parts[0].value, bad)
    pack, row, at_ms, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(pack, kind="stable")
    return Pack(row[order], at_ms[order], value[order], bad)
