"""SenML packs (RFC 8428) of many devices into columns, a pack a line: the base name carries the device, `device:` or `device/`.

The common form, base fields in the first record only and a number in each, is read without a step per record; whatever else a pack may be,
`city_model.codec.senml` reads. A pack that is bad is bad as a whole, as RFC 8428 has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from city_model.codec import senml
from city_model.faults import Rejected
from city_model.quantities import QUANTITIES
from stream_processor.core.names import NameTable

_LATEST_S = 2.0**43
_RELATIVE_BELOW_S = 2**28  # RFC 8428 section 4.5.3


_UNITS = tuple(dict.fromkeys(quantity.unit for quantity in QUANTITIES.values()))
_Record = msgspec.defstruct(  # names and units as literals: no string is made for them
    "_Record",
    [
        ("v", float), ("t", float, 0.0), ("n", Literal[tuple(QUANTITIES)]), ("u", Literal[("", *_UNITS)], ""),
        ("bn", str | None, None), ("bt", float | None, None), ("bu", str | None, None), ("bv", float | None, None),
    ],
    gc=False, kw_only=True,
)  # fmt: skip


class Pack(NamedTuple):
    """Columns of one quantity over all packs; `bad` is the number of packs refused."""

    row: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    bad: int


_NOTHING = Pack(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), 0)
_REMEMBERED_SHAPES = 1000


class _Plain(NamedTuple):
    """A pack of the common form: its device and base values, and the wanted records' own."""

    device: str
    base_s: float
    base_value: float
    seconds: list[float]
    values: list[float]


class PackDecoder:
    """Decodes blocks of packs; devices get rows in `table`."""

    def __init__(self, table: NameTable, quantity: str) -> None:
        self._table = table
        self._quantity = quantity
        kind: Any = list[_Record]  # type: ignore[valid-type]  # made at run time
        self._decode: Callable[[bytes], list[Any]] = msgspec.json.Decoder(kind).decode
        self._wanted: dict[tuple[str, ...], list[int] | None] = {}

    def decode(self, data: bytes, now_ms: int) -> Pack:
        """The packs of `data`; relative times count from `now_ms`."""
        return self._block(data, now_ms, careful=False) or self._block(data, now_ms, careful=True) or _NOTHING

    def _block(self, data: bytes, now_ms: int, careful: bool) -> Pack | None:
        """None: a time asks for the long way, `careful`."""
        seconds: list[float] = []
        values: list[float] = []
        heads: list[tuple[int, int, float, float]] = []
        read: list[tuple[int, NDArray[np.int64]]] = []
        bad = 0
        for line in data.split(b"\n"):
            if not line:
                continue
            plain = None if careful else self._plain(line)
            if plain is None:
                try:
                    device, at_ms, value = self._any(line, now_ms)
                except Rejected:
                    bad += 1
                    continue
                read.append((len(seconds), at_ms))
                plain = _Plain(device, float(_RELATIVE_BELOW_S), 0.0, [0.0] * len(at_ms), value.tolist())
            heads.append((self._table.number(plain.device), len(plain.seconds), plain.base_s, plain.base_value))
            seconds += plain.seconds
            values += plain.values
        if not heads:
            return _NOTHING._replace(bad=bad)
        row, length, base_s, base_value = (np.array(column) for column in zip(*heads, strict=True))
        at_s = np.array(seconds) + np.repeat(base_s, length)
        if not ((at_s >= _RELATIVE_BELOW_S) & (at_s < _LATEST_S)).all():
            return None
        times = np.rint(at_s * 1000).astype(np.int64)
        for start, at_ms in read:
            times[start : start + len(at_ms)] = at_ms
        return Pack(np.repeat(row.astype(np.int32), length), times, np.array(values) + np.repeat(base_value, length), bad)

    def _plain(self, line: bytes) -> _Plain | None:
        """None: read it the long way."""
        try:
            records = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not records or b'_"' in line or b"\\" in line:
            return None
        base = records[0]
        given = (base.bn is not None) + (base.bt is not None) + (base.bu is not None) + (base.bv is not None)
        if base.bu or line.count(b'"b') != given or not base.bn or base.bn[-1] not in ":/":
            return None
        if ":" in base.bn[:-1] or "/" in base.bn[:-1]:
            return None
        wanted = self._places((*[record.n for record in records], *[record.u for record in records]))
        if wanted is None:
            return None
        if len(wanted) < len(records):
            records = [records[k] for k in wanted]
        seconds, values = [record.t for record in records], [record.v for record in records]
        return _Plain(base.bn[:-1], base.bt or 0.0, base.bv or 0.0, seconds, values)

    def _places(self, names_and_units: tuple[str, ...]) -> list[int] | None:
        """Where the wanted quantity stands, None unless every name is a quantity in its unit. Packs repeat themselves: answers are kept."""
        if names_and_units in self._wanted:
            return self._wanted[names_and_units]
        half = len(names_and_units) // 2
        pairs = list(zip(names_and_units[:half], names_and_units[half:], strict=True))
        fits = all(name in QUANTITIES and unit in ("", QUANTITIES[name].unit) for name, unit in pairs)
        places = [k for k, (name, _) in enumerate(pairs) if name == self._quantity] if fits else None
        if len(self._wanted) < _REMEMBERED_SHAPES:
            self._wanted[names_and_units] = places
        return places

    def _any(self, line: bytes, now_ms: int) -> tuple[str, NDArray[np.int64], NDArray[np.float64]]:
        """The long way. Raises Rejected."""
        device, readings = senml.decode_of_device(line, now_ms)
        names = np.array([name == self._quantity for name in readings.names], np.bool_)
        wanted = names[readings.name_index] if len(readings) else np.empty(0, np.bool_)
        return device, readings.at_ms[wanted], readings.value[wanted]
