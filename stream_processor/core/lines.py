"""JSON lines of many devices into columns: a message per line, one flat object each, told apart exactly into good and bad.

A `LineFormat` says which members hold the device, the time (whole milliseconds) and the values with their bounds; other members are
skipped. A message is bad when it is not JSON, lacks a member, has one of another type (true is not 1, "n/a" is not a number), or a value
out of bounds. One that is bad spoils no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.names import NameTable

CONTENT_TYPE = "application/x-ndjson"
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class LineFormat:
    """`values` are (member, lowest, highest); `device` and `time` are members too."""

    device: str
    time: str
    values: tuple[tuple[str, float, float], ...]


class Block(NamedTuple):
    """Good messages in their order: `device` (n,) int32 indexes `LineDecoder.devices`, `at_ms` (n,) int64, `values` (k, n) float64
    with one row for each of the format's values. `bad` are the numbers of the bad messages, counted from 0 in the block."""

    device: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    bad: Sequence[int]


@dataclass(slots=True)
class _Found:
    """Columns before the bounds are checked; `number` is the message's number in the block, asked for only where one is out of bounds."""

    number: Callable[[], NDArray[np.int64]]
    device: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    bad: list[int] = field(default_factory=list)


class LineDecoder:
    """Decodes blocks; the table of devices grows with every new one."""

    def __init__(self, form: LineFormat) -> None:
        self._low, self._high = (np.array([[bounds[k]] for bounds in form.values]).reshape(-1, 1) for k in (1, 2))
        when = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
        members = [(form.device, str), (form.time, when), *((name, float) for name, _, _ in form.values)]
        fields: list[Any] = [(f"f{i}", kind) for i, (_, kind) in enumerate(members)]
        rename = {f"f{i}": name for i, (name, _) in enumerate(members)}
        struct = msgspec.defstruct("Line", fields, rename=rename, gc=False)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(struct).decode
        self._sizes = [len(msgspec.msgpack.encode(name)) for name, _ in members]
        self.table = NameTable()

    @property
    def devices(self) -> Sequence[str]:
        """Names of the devices met so far; a block's `device` indexes it."""
        return self.table.names

    def decode(self, data: bytes) -> Block:
        """The messages of `data`, one a line; an empty line is no message."""
        found = self._found(data.split(b"\n"))
        within = (found.values >= self._low) & (found.values <= self._high)
        if within.all():
            return Block(found.device, found.at_ms, found.values, found.bad)
        good = within.all(axis=0)
        kept = np.flatnonzero(good)
        bad = sorted([*found.bad, *found.number()[~good].tolist()])
        return Block(found.device[kept], found.at_ms[kept], found.values[:, kept], bad)

    def _found(self, messages: list[bytes]) -> _Found:
        """Typed decoding message by message; `extend` goes on behind each that is bad."""
        rows: list[Any] = []
        bad: list[int] = []
        empty: list[int] = []
        coming = iter(messages)
        while True:
            try:
                rows.extend(map(self._decode, coming))
                break
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                number = len(rows) + len(bad) + len(empty)
                (bad if messages[number] else empty).append(number)
        return _Found(lambda: np.delete(np.arange(len(messages)), [*bad, *empty]), *self._columns(rows), bad)

    def _columns(self, rows: list[Any]) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        """Objects to columns. Written again as msgpack they are records of one length wherever ids are, and numpy views those."""
        n, k = len(rows), len(self._low)
        if not n:
            return np.empty(0, np.int32), np.empty(0, np.int64), np.empty((k, 0))
        body = np.frombuffer(_encode(rows), np.uint8)[1 if n < 16 else 3 if n < 65_536 else 5 :]
        size = len(body) // n
        name_at = 1 + self._sizes[0]
        name_size = size - 1 - sum(self._sizes) - 1 - 9 - 9 * k
        time_at = name_at + 1 + name_size + self._sizes[1]
        if n * size == len(body) and 0 < name_size < 32:
            records = body.reshape(n, size)
            if (records[:, name_at] == 0xA0 + name_size).all() and (records[:, time_at] == 0xCF).all():
                return self._viewed(records, name_at, name_size, time_at)
        first, second, *rest = rows[0].__struct_fields__
        device = np.fromiter((self.table.number(getattr(row, first)) for row in rows), np.int32, n)
        at_ms = np.fromiter((getattr(row, second) for row in rows), np.int64, n)
        return device, at_ms, np.array([[getattr(row, name) for row in rows] for name in rest]).reshape(k, n)

    def _viewed(
        self, records: NDArray[np.uint8], name_at: int, name_size: int, time_at: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        """Records of (fixstr, uint 64, float 64…), each behind its key; `_columns` has checked the markers."""
        at_ms = _big_endian(records, time_at + 1, ">i8").astype(np.int64)
        values = np.empty((len(self._low), len(records)))
        at = time_at + 9
        for k, key_size in enumerate(self._sizes[2:]):
            values[k] = _big_endian(records, at + key_size + 1, ">f8")
            at += key_size + 9
        return self.table.numbers(records[:, name_at + 1 : name_at + 1 + name_size]), at_ms, values


def _big_endian(records: NDArray[np.uint8], at: int, kind: str) -> NDArray[Any]:
    """The 8 bytes at `at` of every record."""
    n, size = records.shape
    return np.ndarray((n,), kind, records, at, (size,))
