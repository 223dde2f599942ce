"""SenML packs (RFC 8428) of many devices into columns, a pack a line: the base name carries the device, `device:` or `device/`.

The common form, base fields in the first record only and a number in each, is read without a step per record; whatever else a pack may be,
`city_model.codec.senml` reads. A pack that is bad is bad as a whole, as RFC 8428 has it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from city_model.codec import senml
from city_model.faults import Rejected
from city_model.quantities import QUANTITIES
from stream_processor.core.names import NameTable

_LATEST_S = 2.0**43
_RELATIVE_BELOW_S = 2**28  # RFC 8428 section 4.5.3
_BASE = re.compile(rb'"b[ntuvs]')


class _Record(msgspec.Struct, gc=False):
    v: float
    t: float = 0.0
    n: str = ""
    u: str = ""
    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None


class Pack(NamedTuple):
    """Columns of one quantity over all packs; `bad` is the number of packs refused."""

    row: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    bad: int


class PackDecoder:
    """Decodes blocks of packs; devices get rows in `table`."""

    def __init__(self, table: NameTable, quantity: str) -> None:
        self._table = table
        self._quantity = quantity
        self._decode = msgspec.json.Decoder(list[_Record]).decode
        self._fitting: dict[frozenset[tuple[str, str]], bool] = {}

    def decode(self, data: bytes, now_ms: int) -> Pack:
        """The packs of `data`; relative times count from `now_ms`."""
        rows: list[int] = []
        lengths: list[int] = []
        times: list[NDArray[np.int64]] = []
        values: list[NDArray[np.float64]] = []
        bad = 0
        for line in data.split(b"\n"):
            if not line:
                continue
            try:
                device, at_ms, value = self._plain(line) or self._any(line, now_ms)
            except Rejected:
                bad += 1
                continue
            rows.append(self._table.number(device))
            lengths.append(len(at_ms))
            times.append(at_ms)
            values.append(value)
        if not rows:
            return Pack(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), bad)
        return Pack(np.repeat(np.array(rows, np.int32), lengths), np.concatenate(times), np.concatenate(values), bad)

    def _plain(self, line: bytes) -> tuple[str, NDArray[np.int64], NDArray[np.float64]] | None:
        """(device, times, values) of a pack of the common form; None: read it the long way."""
        try:
            records: list[Any] = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not records or b'_"' in line or b"\\" in line:
            return None
        base = records[0]
        given = (base.bn is not None) + (base.bt is not None) + (base.bu is not None) + (base.bv is not None)
        if line.count(b'"b') != given or not base.bn or base.bn[-1] not in ":/" or base.bn[:-1].count(":") + base.bn[:-1].count("/"):
            return None
        names = [record.n for record in records]
        if not self._fits(names, [record.u for record in records], base.bu or ""):
            return None
        start_s, base_value = base.bt or 0.0, base.bv or 0.0
        seconds = np.array([record.t for record in records]) + start_s
        if not ((seconds >= _RELATIVE_BELOW_S) & (seconds < _LATEST_S)).all():
            return None
        value = np.array([record.v for record in records]) + base_value
        at_ms = np.rint(seconds * 1000).astype(np.int64)
        if names.count(self._quantity) < len(names):
            wanted = np.array([name == self._quantity for name in names])
            return base.bn[:-1], at_ms[wanted], value[wanted]
        return base.bn[:-1], at_ms, value

    def _fits(self, names: list[str], units: list[str], base_unit: str) -> bool:
        """Whether every name is a known quantity in its unit; packs repeat themselves, so the answers are kept."""
        pairs = frozenset(zip(names, units, strict=True))
        fits = self._fitting.get(pairs)
        if fits is None or base_unit:
            fits = all(name in QUANTITIES and (unit or base_unit) in ("", QUANTITIES[name].unit) for name, unit in pairs)
            if not base_unit and len(self._fitting) < 1000:
                self._fitting[pairs] = fits
        return fits

    def _any(self, line: bytes, now_ms: int) -> tuple[str, NDArray[np.int64], NDArray[np.float64]]:
        """The long way. Raises Rejected."""
        device, readings = senml.decode_of_device(line, now_ms)
        names = np.array([name == self._quantity for name in readings.names], np.bool_)
        wanted = names[readings.name_index] if len(readings) else np.empty(0, np.bool_)
        return device, readings.at_ms[wanted], readings.value[wanted]
