"""Plain JSON from anybody: `{"time": "2026-11-25T08:00:00+07:00", "pm25": 31.2, "humidity": 78}` or a list of such objects.

`time` (RFC 3339 with an offset) may be replaced by `ts`, whole milliseconds since 1970. Every other member is a quantity
in its standard unit; null means "not measured" and is skipped.
"""

from __future__ import annotations

import msgspec
import numpy as np

from city_model.codec.cloudevents import parse_rfc3339
from city_model.events import Readings
from city_model.faults import Rejected
from city_model.quantities import QUANTITIES

CONTENT_TYPE = "application/json"
_decode_one_or_many = msgspec.json.Decoder(dict[str, float | str | None] | list[dict[str, float | str | None]]).decode


def decode(data: bytes) -> Readings:
    """Readings of one object or a list of them. Raises Rejected."""
    try:
        decoded = _decode_one_or_many(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"JSON readings: {err}") from err
    names: dict[str, int] = {}
    index, at_ms, values = [], [], []
    for row in [decoded] if isinstance(decoded, dict) else decoded:
        when = _time(row)
        for name, value in row.items():
            if name in {"time", "ts"} or value is None:
                continue
            if name not in QUANTITIES:
                raise Rejected("unknown_quantity", f"{name[:60]!r}; known: {', '.join(QUANTITIES)}")
            if isinstance(value, str):
                raise Rejected("malformed", f"{name}: {value[:40]!r} is not a number")
            index.append(names.setdefault(name, len(names)))
            at_ms.append(when)
            values.append(value)
    return Readings(tuple(names), np.array(index, np.uint16), np.array(at_ms, np.int64), np.array(values, np.float64))


def _time(row: dict[str, float | str | None]) -> int:
    time, ts = row.get("time"), row.get("ts")
    if isinstance(time, str):
        return parse_rfc3339(time)
    if isinstance(ts, float | int) and float(ts).is_integer() and 0 <= ts < 2**53:
        return int(ts)
    raise Rejected("bad_time", "neither 'time' (RFC 3339 with offset) nor 'ts' (whole milliseconds)")
