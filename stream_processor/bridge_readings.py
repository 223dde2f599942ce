"""Readings as the log keeps them: packed columns of known quantities, finite and within what an instrument can report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from city_model.codec import packed, plain, senml
from city_model.events import Event, Readings
from city_model.faults import Rejected
from city_model.quantities import QUANTITIES, READINGS, readings_of
from city_model.topics import INPUTS
from stream_processor.bridge_parts import Arrival, Taken, in_part, whole

_LATEST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the last time RFC 3339 can write


def take_readings(event: Event, kind: str, of: str, at: Arrival) -> Taken:
    """`event` as packed columns; bad rows set apart. `kind` is the media type of its data, `of` the kind of its device.

    Raises Rejected for all of it.
    """
    readings = _decode(event.data, kind, at.now_ms)
    if not len(readings):
        raise Rejected("malformed", "no readings")
    if event.boot and event.count != len(readings):
        raise Rejected("malformed", f"the envelope says {event.count} readings, the data has {len(readings)}")
    low, high = _bounds(readings.names, of)
    value, index, at_ms = readings.value, readings.name_index, readings.at_ms
    good = (value >= low[index]) & (value <= high[index]) & (at_ms >= 0) & (at_ms <= _LATEST_MS)
    data = event.data if kind == packed.CONTENT_TYPE else packed.encode(readings)
    if good.all():
        newest_ms = int(at_ms.max())
        return whole(event, at, INPUTS, content_type=packed.CONTENT_TYPE, data=data, at_ms=newest_ms, count=len(readings))
    normal = replace(event, content_type=packed.CONTENT_TYPE)
    return in_part(normal, at, _faults(readings, good, of), at_ms.tolist(), lambda rows: packed.encode(_rows(readings, rows)))


def _decode(data: bytes, kind: str, now_ms: int) -> Readings:
    if kind == packed.CONTENT_TYPE:
        return packed.decode(data)
    if kind == senml.CONTENT_TYPE:
        return senml.decode(data, now_ms)
    if kind == plain.CONTENT_TYPE:
        return plain.decode(data)
    expected = f"{packed.CONTENT_TYPE}, {senml.CONTENT_TYPE} or {plain.CONTENT_TYPE}"
    raise Rejected("unknown_content", f"{kind[:80]!r}; expected {expected}")


@lru_cache(maxsize=256)
def _bounds(names: tuple[str, ...], of: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value per name; nothing lies within the bounds of a quantity that such a device does not measure."""
    known = [QUANTITIES[name] if name in readings_of(of) else None for name in names]
    low = np.array([q.low if q else np.inf for q in known])
    high = np.array([q.high if q else -np.inf for q in known])
    return low, high


def _faults(readings: Readings, good: NDArray[np.bool_], of: str) -> Sequence[Rejected | None]:
    return [None if fine else _fault(readings, row, of) for row, fine in enumerate(good.tolist())]


def _fault(readings: Readings, row: int, of: str) -> Rejected:
    name, value, at_ms = readings.names[readings.name_index[row]], float(readings.value[row]), int(readings.at_ms[row])
    if name not in READINGS:
        return Rejected("unknown_quantity", f"{name[:60]!r}; known: {', '.join(sorted(READINGS))}")
    if name not in readings_of(of):
        return Rejected("not_a_loop", f"{name} of a device of kind {of!r}; only a loop says it")
    if not np.isfinite(value):
        return Rejected("nan", f"{name} is {value}")
    quantity = QUANTITIES[name]
    if not quantity.low <= value <= quantity.high:
        return Rejected("out_of_range", f"{name} {value:g} {quantity.unit}; expected {quantity.low:g}..{quantity.high:g}")
    return Rejected("bad_time", f"{name} at {at_ms} ms since 1970")


def _rows(readings: Readings, rows: Sequence[int]) -> Readings:
    at = np.asarray(rows)
    return Readings(readings.names, readings.name_index[at], readings.at_ms[at], readings.value[at])
