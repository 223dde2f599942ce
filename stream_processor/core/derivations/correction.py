"""PM2.5 of low-cost counters, corrected, as series beside the raw one. Which station by which model: `core.sensors.corrections`.

    <device>/pm25_corrected        ug/m3, the hour's mean, at the beginning of its hour (models of hours, such as kappa_koehler/1)
    <device>/pm25_corrected_day    ug/m3, the day's mean, at its local midnight (models of days, such as purpleair_daily/1)

The raw readings stay as they came, in `<device>/pm25`. A station that names no model has neither series. Without the humidity (or what
else the model needs) of that hour there is no point. An hour is over when the device sends something of a later one, or by ticks; what
comes later makes the hour and its day anew, marked as revised, up to three days back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from city_model.events import Readings
from city_model.quantities import QUANTITIES as KNOWN
from city_model.settings import between
from stream_processor.core.air.corrected import daily, hourly
from stream_processor.core.air.hours import RING_HOURS, Indices
from stream_processor.core.air.open_hours import Columns, OpenHours
from stream_processor.core.air.staircase import Floats
from stream_processor.core.derivations.port import Derived
from stream_processor.core.detectors.port import Batch
from stream_processor.core.sensors.corrections import QUANTITIES, Corrections

_HOUR_MS = 3_600_000
_DAY_HOURS = 24
HOURLY, DAILY = "pm25_corrected", "pm25_corrected_day"


@dataclass(frozen=True, slots=True)
class Settings:
    """`lateness_s`: how long after its end a silent station's hour is over. Days are those of `utc_offset_h`."""

    utc_offset_h: float = between(-12, 14, default=7.0)
    lateness_s: float = between(0, 86_400, default=120.0)


class Correction:
    """All corrected stations of a partition; a row of state each, none where nothing is corrected."""

    name = "correction"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        self._corrections = Corrections()
        self._open = OpenHours(QUANTITIES, round(settings.utc_offset_h * _HOUR_MS), _DAY_HOURS)
        self.series: Mapping[str, tuple[str, str, str]] = {
            name: (KNOWN[name].unit, KNOWN[name].vi, KNOWN[name].en) for name in (HOURLY, DAILY)
        }

    def correct_by(self, corrections: Corrections) -> None:
        """Told once, before anything else."""
        self._corrections = corrections

    def take(self, batch: Batch) -> list[Derived]:
        return self._take(batch, is_late=False)

    def revise(self, batch: Batch) -> list[Derived]:
        return self._take(batch, is_late=True)

    def tick(self, now_ms: int) -> list[Derived]:
        if not self._corrections.of_device:
            return []
        return list(self._correct(*self._open.tick(now_ms - round(self._s.lateness_s * 1000))))

    def _take(self, batch: Batch, *, is_late: bool) -> list[Derived]:
        mine = _only(batch, self._corrections)
        if mine is None:
            return []
        columns = self._open.columns(mine)
        behind = self._open.behind(columns)
        out: list[Derived] = []
        for rows, hours in self._open.take(columns.where(~behind), is_late=is_late):
            out += self._correct(rows, hours)
        return out + self._revise(columns.where(behind))

    def _revise(self, late: Columns) -> list[Derived]:
        """Add what came late, and make anew the hours that are over and that it has a part in, with their days."""
        if not len(late.rows):
            return []
        sums = self._open.sums
        sums.add(late.rows, late.planes, late.at_ms, late.value, is_late=True)
        touched = set(zip(late.rows.tolist(), sums.hour_of(late.at_ms).tolist(), strict=True))
        after = {(row, hour + 1) for row, hour in touched if self._looks_back(row)}
        ends = {(row, hour - hour % _DAY_HOURS + _DAY_HOURS - 1) for row, hour in touched}
        oldest = sums.newest - RING_HOURS + _DAY_HOURS
        again = sorted(p for p in touched | after | ends if oldest[p[0]] <= p[1] <= self._open.closed[p[0]])
        both = np.array(again, np.int64).reshape(-1, 2)
        return list(self._correct(both[:, 0], both[:, 1]))

    def _correct(self, rows: Indices, hours: Indices) -> Iterator[Derived]:
        """Points of these (station, hour), and of the days that end with them."""
        if not len(rows):
            return
        sums = self._open.sums
        value = hourly(sums, rows, hours, 1, self._corrections)[:, 0]
        yield from self._points(rows, sums.start_ms(hours), HOURLY, value, self._late(rows, hours))
        ends = hours % _DAY_HOURS == _DAY_HOURS - 1
        if ends.any():
            rows, hours = rows[ends], hours[ends]
            value = daily(sums, rows, hours, self._corrections)
            yield from self._points(rows, sums.start_ms(hours - _DAY_HOURS + 1), DAILY, value, self._late_days(rows, hours))

    def _late(self, rows: Indices, hours: Indices) -> NDArray[np.bool_]:
        before, now = self._open.sums.means(rows, hours, 2)[1].T
        looks_back = np.array([self._looks_back(row) for row in rows.tolist()], np.bool_)
        return np.asarray(now | (before & looks_back))

    def _late_days(self, rows: Indices, hours: Indices) -> NDArray[np.bool_]:
        return np.asarray(self._open.sums.means(rows, hours, _DAY_HOURS)[1].any(axis=-1))

    def _looks_back(self, row: int) -> bool:
        model = self._corrections.of_device.get(list(self._open.sums.stations)[row])
        return model is not None and model.looks_back

    def _points(self, rows: Indices, at_ms: Indices, name: str, value: Floats, revised: NDArray[np.bool_]) -> Iterator[Derived]:
        stations = list(self._open.sums.stations)
        for is_revised in (False, True):
            chosen = np.flatnonzero(np.isfinite(value) & (revised == is_revised))
            if len(chosen):
                used, index = np.unique(rows[chosen], return_inverse=True)
                names = tuple(f"{stations[row]}/{name}" for row in used.tolist())
                yield Derived(Readings(names, index.astype(np.uint16), at_ms[chosen], value[chosen]), is_revised)

    def snapshot(self) -> dict[str, Any]:
        return self._open.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        self._open.restore(state)


def _only(batch: Batch, corrections: Corrections) -> Batch | None:
    """What corrected devices say; None where they say nothing."""
    mine = np.array([device in corrections.of_device for device in batch.devices], np.bool_)
    if not mine.any():
        return None
    at = np.flatnonzero(mine[batch.device_index])
    return replace(
        batch, device_index=batch.device_index[at], quantity_index=batch.quantity_index[at], at_ms=batch.at_ms[at], value=batch.value[at]
    )


def make(settings: Settings) -> Correction:
    """The derivation with its settings."""
    return Correction(settings)
