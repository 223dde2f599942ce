"""SenML packs (RFC 8428, JSON): base values are resolved, names are quantities, units are checked.

Decoded here: `bn bt bu bv n u v t`; a field we do not know is ignored unless its label ends with `_` (then the pack is refused).
A name may carry the device in front (`device:pm25` or `device/pm25`); what follows the last separator is the quantity.
"""

from __future__ import annotations

import re

import msgspec
import numpy as np

from city_model.events import Readings
from city_model.faults import Rejected
from city_model.quantities import QUANTITIES

CONTENT_TYPE = "application/senml+json"
_RELATIVE_BELOW_S = 2**28  # RFC 8428 section 4.5.3: smaller times are relative to now
_SEPARATORS = re.compile(r"[:/]")
_SAME_UNIT = {"µg/m3": "ug/m3", "%": "/"}


class _Record(msgspec.Struct):
    bn: str = ""
    bt: float = 0.0
    bu: str = ""
    bv: float = 0.0
    n: str = ""
    u: str = ""
    v: float | None = None
    t: float = 0.0


_decode = msgspec.json.Decoder(list[_Record]).decode
_decode_labels = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


def decode(data: bytes, now_ms: int) -> Readings:
    """Readings of a pack; `now_ms` is what relative times count from. Raises Rejected."""
    try:
        records = _decode(data)
        if b'_"' in data:
            _refuse_must_understand(_decode_labels(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"SenML: {err}") from err
    names: dict[str, int] = {}
    index, at_ms, values = [], [], []
    base = _Record()
    for record in records:
        base = _Record(record.bn or base.bn, record.bt or base.bt, record.bu or base.bu, record.bv or base.bv)
        if record.v is None:
            if record.n:
                raise Rejected("malformed", f"SenML: record {record.n[:60]!r} has no number 'v'")
            continue
        quantity = _SEPARATORS.split(base.bn + record.n)[-1]
        _check_unit(quantity, record.u or base.bu)
        index.append(names.setdefault(quantity, len(names)))
        at_ms.append(_at_ms(base.bt + record.t, now_ms))
        values.append(base.bv + record.v)
    return Readings(tuple(names), np.array(index, np.uint16), np.array(at_ms, np.int64), np.array(values, np.float64))


def decode_of_device(data: bytes, now_ms: int) -> tuple[str, Readings]:
    """(device, readings) of a pack whose names all carry one device in front. Raises Rejected."""
    readings = decode(data, now_ms)
    base, devices = "", set()
    for record in _decode(data):
        base = record.bn or base
        if record.v is not None:
            devices.add(_SEPARATORS.split(base + record.n)[0] if _SEPARATORS.search(base + record.n) else "")
    if len(devices) != 1 or "" in devices:
        raise Rejected("malformed", f"SenML: the names carry {len(devices)} devices in front, expected one")
    return devices.pop(), readings


def _at_ms(seconds: float, now_ms: int) -> int:
    if not abs(seconds) < 2**43:  # ms then fit 53 bits; also refuses what two large terms overflowed to
        raise Rejected("bad_time", f"SenML: t = {seconds:g} s")
    return now_ms + round(seconds * 1000) if seconds < _RELATIVE_BELOW_S else round(seconds * 1000)


def _check_unit(quantity: str, unit: str) -> None:
    known = QUANTITIES.get(quantity)
    if known is None:
        raise Rejected("unknown_quantity", f"{quantity[:60]!r}; known: {', '.join(QUANTITIES)}")
    if unit and _SAME_UNIT.get(unit, unit) != known.unit:
        raise Rejected("wrong_unit", f"{quantity} in {unit[:20]!r}; expected {known.unit!r}")


def _refuse_must_understand(records: list[dict[str, msgspec.Raw]]) -> None:
    for record in records:
        for label in record:
            if label.endswith("_"):
                raise Rejected("malformed", f"SenML: field {label[:40]!r} must be understood and is not")
