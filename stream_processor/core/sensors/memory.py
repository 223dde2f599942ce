"""What is remembered of every sensor and quantity: one row each, columns of arrays that grow.

Learned from healthy readings only: the usual step from reading to reading (`scale`), the largest of late (`largest`), the range of the
last days (`low`, `high`), how often a value repeats itself (`repeats`), and how restless the sensor usually is (a histogram of the median
step over the last readings, forgotten by a tenth a day). Nothing here depends on how the readings were cut into batches: a row is changed
by its own readings, one after the other. Constants fixed on the labelled faults of Intel, Santander and SensorScope (see the reference).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.sensors.port import Bools, Floats, Rows, Times
from stream_processor.core.sensors.profile import Profile, profile_of

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
WINDOW = 13
"""Steps whose median says how restless a sensor is now."""
TURNS = 5
"""Turns of a jumping value whose times are kept."""
WARM_READINGS = 60
_BINS = 160  # eight an octave, 2**-14 … 2**6
_RESTLESS_SHARE, _RESTLESS_TIMES, _FORGET_A_DAY = 0.9, 3.2, 0.9
_SCALE_SHARE, _SCALE_CLIP = 0.001, 6.0
_LARGEST_DAYS, _LARGEST_GROWTH, _RANGE_DAYS = 1.0, 1.3, 3.0
_REPEATS_SHARE = 0.005
_SCALES, _LARGEST_TIMES, _LOOSER_A_READING = 10.0, 1.5, 0.05

_COLUMNS: dict[str, tuple[Any, float, int]] = {
    "count": (np.int64, 0, 0), "first_ms": (np.int64, 0, 0), "last_ms": (np.int64, 0, 0), "last": (float, 0, 0),
    "run": (np.int64, 1, 0),
    "healthy": (float, 0, 0), "healthy_ms": (np.int64, 0, 0), "off_count": (np.int64, 0, 0), "median": (float, 0, 0),
    "is_off": (np.bool_, 0, 0),
    "calm": (np.int64, 0, 0), "scale": (float, 0, 0), "largest": (float, 0, 0), "low": (float, 0, 0), "high": (float, 0, 0),
    "repeats": (float, 0.1, 0), "restless": (np.bool_, 0, 0), "restless_limit": (float, 1e300, 0), "counted_ms": (np.int64, 0, 0),
    "counted": (np.int64, 0, 0), "gap_ms": (float, 0, 0), "humid_ms": (np.int64, 0, 0),
    "hour": (np.int64, -1, 0), "hour_sum": (float, 0, 0), "hour_count": (np.int64, 0, 0), "done_hour": (np.int64, -1, 0),
    "done_mean": (float, 0, 0), "apart_usual": (float, 0, 0), "apart_spread": (float, 0, 0), "apart_hours": (np.int64, 0, 0),
    "apart_sum": (float, 0, 0), "is_drifting": (np.bool_, 0, 0), "stepped_ms": (np.int64, 0, 0), "stepped_from": (float, 0, 0),
    "neighbours": (np.int64, 0, 0), "is_silent": (np.bool_, 0, 0), "is_healthy": (np.bool_, 0, 0),
    "is_watched": (np.bool_, 0, 0),
    "jumped": (np.int64, 0, 0), "turn_at": (np.int64, 0, 0), "turn_ms": (np.int64, 0, TURNS),
    "step_at": (np.int64, 0, 0), "steps": (float, 0, WINDOW), "histogram": (np.float32, 0, _BINS),
}  # fmt: skip
"""Name → (dtype, initial value, width; 0 for one value a row)."""


class Memory:
    """All rows. `names` are (device, quantity); columns are attributes by name through `[...]`."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []
        self._row: dict[tuple[str, str], int] = {}
        self._columns: dict[str, NDArray[Any]] = {}
        self._grow(64)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self._columns[column]

    def row(self, device: str, quantity: str) -> int:
        """The row of a sensor; a new one where there is none."""
        key = (device, quantity)
        found = self._row.get(key)
        if found is None:
            found = self._row[key] = len(self.names)
            self.names.append(key)
            if found >= len(self._columns["count"]):
                self._grow(2 * found)
            self._set_profile(np.array([found]), profile_of(quantity))
        return found

    def _set_profile(self, row: Rows, profile: Profile) -> None:
        self["plausible_low"][row], self["plausible_high"][row] = profile.low, profile.high
        self["resolution"][row], self["ceiling"][row] = profile.resolution, profile.ceiling
        self["may_step"][row] = profile.may_step
        self["jump"][row] = profile.jump
        self["checks"][row] = profile.checks
        self["steady"][row, : len(profile.steady)] = profile.steady

    def _grow(self, size: int) -> None:
        fixed: dict[str, tuple[Any, float, int]] = {
            "plausible_low": (float, -np.inf, 0), "plausible_high": (float, np.inf, 0), "resolution": (float, 0.001, 0),
            "ceiling": (float, np.inf, 0), "may_step": (np.bool_, 0, 0), "jump": (float, np.inf, 0), "checks": (np.uint16, 0xFFFF, 0),
            "steady": (float, np.nan, 2),
        }  # fmt: skip
        for name, (kind, initial, width) in (_COLUMNS | fixed).items():
            shape = (size, width) if width else (size,)
            new = np.full(shape, initial, kind) if initial else np.zeros(shape, kind)  # zeros take no memory until they are written
            if name in self._columns:
                new[: len(self._columns[name])] = self._columns[name]
            self._columns[name] = new

    def limit(self, rows: Rows) -> Floats:
        """How far from the last healthy reading the next may be; wider with every reading since."""
        usual = np.maximum(_SCALES * self.usual_step(rows), _LARGEST_TIMES * self["largest"][rows])
        return np.asarray(usual * np.sqrt(1.0 + _LOOSER_A_READING * self["off_count"][rows]))

    def usual_step(self, rows: Rows) -> Floats:
        return np.asarray(np.maximum(self["scale"][rows], self["resolution"][rows]))

    def warm(self, rows: Rows, at_ms: Times, value: Floats, step: Floats) -> None:
        """The first readings of a sensor are taken as they are."""
        count = self["count"][rows]
        first = count == 0
        step = np.where(first, 0.0, step)
        self["scale"][rows] += (step - self["scale"][rows]) / np.maximum(count, 1)
        self["largest"][rows] = np.maximum(self["largest"][rows], step)
        self["repeats"][rows] += np.where(first, 0.0, (np.where(step == 0, 1.0, 0.0) - self["repeats"][rows]) / np.maximum(20, count))
        self["low"][rows] = np.where(first, value, np.minimum(self["low"][rows], value))
        self["high"][rows] = np.where(first, value, np.maximum(self["high"][rows], value))
        self["first_ms"][rows] = np.where(first, at_ms, self["first_ms"][rows])
        self["counted_ms"][rows] = np.where(first, at_ms, self["counted_ms"][rows])
        self.keep_step(rows, step)
        self["healthy"][rows], self["healthy_ms"][rows] = value, at_ms

    def keep_step(self, rows: Rows, step: Floats) -> None:
        """Into the ring of the last steps, whose median is how restless the sensor is now."""
        at = self["step_at"][rows]
        self["steps"][rows, at] = step
        self["step_at"][rows] = np.where(at + 1 < WINDOW, at + 1, 0)

    def learn(self, rows: Rows, at_ms: Times, value: Floats, step: Floats, off: Floats) -> None:
        """From healthy readings. What follows a gap of unhealthy ones teaches nothing about steps."""
        follows = self["off_count"][rows] == 0
        gap_ms = (at_ms - self["healthy_ms"][rows]).astype(float)
        scale = self.usual_step(rows)
        moved = _SCALE_SHARE * (np.minimum(step, _SCALE_CLIP * scale) - self["scale"][rows])
        self["scale"][rows] += np.where(follows, moved, 0.0)
        largest = self["largest"][rows]
        kept = largest / (1.0 + np.maximum(gap_ms, 0.0) / (_LARGEST_DAYS * DAY_MS))
        self["largest"][rows] = np.where(follows, np.maximum(kept, np.minimum(off, _LARGEST_GROWTH * largest)), largest)
        self["repeats"][rows] += np.where(follows, _REPEATS_SHARE * (np.where(step == 0, 1.0, 0.0) - self["repeats"][rows]), 0.0)
        share = np.minimum(1.0, np.maximum(gap_ms, 0.0) / (_RANGE_DAYS * DAY_MS))
        low, high = self["low"][rows], self["high"][rows]
        self["low"][rows] = np.minimum(low + share * (value - low), value)
        self["high"][rows] = np.maximum(high - share * (high - value), value)
        self.accept(rows, at_ms, value)

    def accept(self, rows: Rows, at_ms: Times, value: Floats) -> None:
        """From here on `value` is where the sensor stands."""
        self["healthy"][rows], self["healthy_ms"][rows] = value, at_ms
        self["off_count"][rows] = 0

    def count_restlessness(self, rows: Rows, at_ms: Times, median: Floats, is_counted: Bools) -> None:
        """Into the histogram; once an hour the limit follows: 3.2 times what is not exceeded in 90 % of the time."""
        counted = rows[is_counted]
        mantissa, exponent = np.frexp(np.maximum(median[is_counted], 2.0**-13))
        bins = np.clip(((exponent + 13) * 8 + np.floor(mantissa * 16 - 8)).astype(np.intp), 0, _BINS - 1)
        self["histogram"][counted, bins] += 1
        self["counted"][rows] += 1
        due = (at_ms - self["counted_ms"][rows] >= HOUR_MS) & (at_ms - self["first_ms"][rows] >= DAY_MS) & (self["counted"][rows] >= 12)
        if due.any():
            self._set_restless_limit(rows[due], at_ms[due])

    def _set_restless_limit(self, rows: Rows, at_ms: Times) -> None:
        hours = np.minimum((at_ms - self["counted_ms"][rows]) / HOUR_MS, 24.0)
        self["histogram"][rows] *= (1.0 - (1.0 - _FORGET_A_DAY) * hours / 24.0).astype(np.float32)[:, None]
        heap = np.cumsum(self["histogram"][rows], axis=1, dtype=np.float64)
        wanted = _RESTLESS_SHARE * heap[:, -1]
        at = np.minimum((heap < wanted[:, None]).sum(axis=1), _BINS - 1)
        each = np.arange(len(rows))
        below = np.where(at > 0, heap[each, np.maximum(at - 1, 0)], 0.0)
        part = (wanted - below) / np.maximum(heap[each, at] - below, 1e-9)
        octave, eighth = np.divmod(at + part, 8.0)
        self["restless_limit"][rows] = _RESTLESS_TIMES * np.ldexp(0.5 + eighth / 16.0, octave.astype(np.int32) - 13)
        self["counted_ms"][rows], self["counted"][rows] = at_ms, 0

    def snapshot(self) -> dict[str, Any]:
        """Plain values; arrays as bytes. A column that holds nothing but its first value is left out; of the histograms what is filled."""
        columns: dict[str, bytes] = {}
        for name, (_, initial, _) in _COLUMNS.items():
            column = self[name][: len(self)]
            if name != "histogram" and not (column == initial).all():
                columns[name] = column.tobytes()
        filled = np.flatnonzero(self["histogram"][: len(self)])
        histogram = [filled.astype(np.int64).tobytes(), self["histogram"].reshape(-1)[filled].tobytes()]
        devices, quantities = [device for device, _ in self.names], [quantity for _, quantity in self.names]
        return {"devices": devices, "quantities": quantities, "columns": columns, "histogram": histogram}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly."""
        self.names = list(zip(state["devices"], state["quantities"], strict=True))
        self._row = {name: row for row, name in enumerate(self.names)}
        self._columns = {}
        self._grow(max(64, len(self)))
        numbers: dict[str, int] = {}
        quantity = np.array([numbers.setdefault(name, len(numbers)) for name in state["quantities"]], np.intp)
        for name, number in numbers.items():
            self._set_profile(np.flatnonzero(quantity == number), profile_of(name))
        for column, data in state["columns"].items():
            kept = self[column]
            kept[: len(self)] = np.frombuffer(data, kept.dtype).reshape((len(self), *kept.shape[1:]))
        filled, counts = state["histogram"]
        self["histogram"].reshape(-1)[np.frombuffer(filled, np.int64)] = np.frombuffer(counts, np.float32)
