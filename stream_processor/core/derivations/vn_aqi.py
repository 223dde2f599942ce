"""VN_AQI of every station and hour as series, while readings come in. The rules are in `stream_processor.core.air.vn_aqi`.

Series, each with the point at the beginning of its hour:

    <device>/vn_aqi                 the index; no point: unknown
    <device>/vn_aqi_dominant        which pollutant it comes from: its place in pm25, pm10, o3, no2, so2, co, counted from 0
    <device>/vn_aqi_pm25 ...        each pollutant's own index
    <device>/vn_aqi_completeness    how many of the last twelve hours are there, 0..1: the mean over what the station measures
    <device>/vn_aqi_day             the index of a day, at its local midnight, once its last hour is over

With `pm25 = "corrected"`, PM2.5 of a station whose device names a model of hours in the registry enters as corrected by it (an hour without
a corrected value is a missing hour); all other stations, and everything by default, enter as measured. With `nowcast = "literal"` they
are called `vn_aqi_literal...`: the reading is named with every result. An hour is over when the device sends something of a later one, or
by ticks. A reading that comes late (an outbox draining) or after its hour was over has its part all the same: every index it touches is
made anew, up to two and a half days back, and marked as revised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from city_model.events import Readings
from city_model.settings import between
from stream_processor.core.air import vn_aqi
from stream_processor.core.air.corrected import in_place_of_raw
from stream_processor.core.air.hours import RING_HOURS, Indices
from stream_processor.core.air.nowcast import HOURS, Reading
from stream_processor.core.air.open_hours import Columns, OpenHours
from stream_processor.core.air.staircase import NO_DATA, Floats
from stream_processor.core.derivations.port import Derived
from stream_processor.core.detectors.port import Batch
from stream_processor.core.sensors.corrections import QUANTITIES, Corrections

_HOUR_MS = 3_600_000
_DAY_HOURS = 31  # with the seven hours before it, for the means of eight hours of ozone
_NAMES = {"pm25": "PM2.5", "pm10": "PM10", "o3": "O₃", "no2": "NO₂", "so2": "SO₂", "co": "CO"}


@dataclass(frozen=True, slots=True)
class Settings:
    """`nowcast`: which reading of the decision. `lateness_s`: how long after its end a silent station's hour is over.

    Hours and days are those of `utc_offset_h`. `pm25`: whether low-cost counters enter as measured or as corrected.
    """

    nowcast: Reading = "normalised"
    pm25: Literal["raw", "corrected"] = "raw"
    utc_offset_h: float = between(-12, 14, default=7.0)
    lateness_s: float = between(0, 86_400, default=120.0)


class VnAqi:
    """All stations of a partition; a row of state each."""

    name = "vn_aqi"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        self._corrections = Corrections()
        more = tuple(q for q in QUANTITIES if q not in vn_aqi.POLLUTANTS) if settings.pm25 == "corrected" else ()
        self._open = OpenHours((*vn_aqi.POLLUTANTS, *more), round(settings.utc_offset_h * _HOUR_MS), HOURS)
        self._stem = "vn_aqi" if settings.nowcast == "normalised" else "vn_aqi_literal"
        self.series: Mapping[str, tuple[str, str, str]] = {
            self._stem: ("1", "VN_AQI giờ", "VN_AQI, hourly"),
            f"{self._stem}_day": ("1", "VN_AQI ngày", "VN_AQI, daily"),
            f"{self._stem}_dominant": ("1", "Chất quyết định VN_AQI", "What VN_AQI comes from"),
            f"{self._stem}_completeness": ("/", "Mức đầy đủ của VN_AQI", "Completeness of VN_AQI"),
            **{f"{self._stem}_{p}": ("1", f"VN_AQI của {name}", f"VN_AQI of {name}") for p, name in _NAMES.items()},
        }

    def correct_by(self, corrections: Corrections) -> None:
        """Told once, before anything else."""
        if self._s.pm25 == "corrected":
            self._corrections = corrections

    def take(self, batch: Batch) -> list[Derived]:
        return self._take(self._open.columns(batch), is_late=False)

    def revise(self, batch: Batch) -> list[Derived]:
        return self._take(self._open.columns(batch), is_late=True)

    def tick(self, now_ms: int) -> list[Derived]:
        return list(self._rate(*self._open.tick(now_ms - round(self._s.lateness_s * 1000))))

    def _take(self, columns: Columns, *, is_late: bool) -> list[Derived]:
        """What lies behind its station's newest hour is added after the rest, as late."""
        behind = self._open.behind(columns)
        out: list[Derived] = []
        for rows, hours in self._open.take(columns.where(~behind), is_late=is_late):
            out += self._rate(rows, hours)
        return out + self._revise(columns.where(behind))

    def _revise(self, late: Columns) -> list[Derived]:
        """Add what came late, and rate anew every hour that is over and that it has a part in."""
        if not len(late.rows):
            return []
        sums = self._open.sums
        sums.add(late.rows, late.planes, late.at_ms, late.value, is_late=True)
        touched = set(zip(late.rows.tolist(), sums.hour_of(late.at_ms).tolist(), strict=True))
        pairs = {(row, hour + k) for row, hour in touched for k in range(HOURS)}
        day_ends = {(row, hour - hour % 24 + 23) for row, hour in pairs}
        oldest = sums.newest - RING_HOURS + _DAY_HOURS
        again = sorted(p for p in pairs | day_ends if oldest[p[0]] <= p[1] <= self._open.closed[p[0]])
        both = np.array(again, np.int64).reshape(-1, 2)
        return list(self._rate(both[:, 0], both[:, 1]))

    def _rate(self, rows: Indices, hours: Indices) -> Iterator[Derived]:
        """Points of these (station, hour); those with late readings in them apart."""
        if not len(rows):
            return
        means, late = self._means(rows, hours, HOURS)
        rating = vn_aqi.hourly(dict(zip(vn_aqi.POLLUTANTS, means, strict=True)), self._s.nowcast)
        sub, value = rating.sub[:, :, -1], rating.value[:, -1]
        known = ~np.isnan(means)
        measured = known.any(axis=-1)
        share = known.mean(axis=-1).sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
        columns = [(self._stem, value.astype(np.float64)), (f"{self._stem}_dominant", rating.dominant[:, -1].astype(np.float64))]
        columns += [(f"{self._stem}_{p}", sub[k].astype(np.float64)) for k, p in enumerate(vn_aqi.POLLUTANTS)]
        columns.append((f"{self._stem}_completeness", share))
        yield from self._points(rows, hours, columns, np.any(late, axis=-1, keepdims=True)[:, 0])
        ends = hours % 24 == 23
        if ends.any():
            yield from self._rate_days(rows[ends], hours[ends])

    def _means(self, rows: Indices, hours: Indices, span: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Of the pollutants, with what is to be corrected corrected."""
        means, late = self._open.sums.means(rows, hours, span)
        means = in_place_of_raw(self._open.sums, rows, hours, means, self._corrections) if self._corrections.of_device else means
        return means[: len(vn_aqi.POLLUTANTS)], late

    def _rate_days(self, rows: Indices, hours: Indices) -> Iterator[Derived]:
        means, late = self._means(rows, hours, _DAY_HOURS)
        by_name = dict(zip(vn_aqi.POLLUTANTS, means, strict=True))
        day = {name: column if name == "o3" else column[:, -24:] for name, column in by_name.items()}
        columns = [(f"{self._stem}_day", vn_aqi.daily(day).value.astype(np.float64))]
        yield from self._points(rows, hours - 23, columns, np.any(late, axis=-1, keepdims=True)[:, 0])

    def _points(self, rows: Indices, hours: Indices, columns: list[tuple[str, Floats]], revised: NDArray[np.bool_]) -> Iterator[Derived]:
        stations = list(self._open.sums.stations)
        at_ms = self._open.sums.start_ms(hours)
        for is_revised in (False, True):
            chosen = np.flatnonzero(revised == is_revised)
            names: dict[str, int] = {}
            found: list[tuple[int, int, float]] = []
            for k in chosen.tolist():
                for name, column in columns:
                    if column[k] != NO_DATA:
                        series = f"{stations[rows[k]]}/{name}"
                        found.append((names.setdefault(series, len(names)), int(at_ms[k]), float(column[k])))
            if found:
                index, times, values = zip(*found, strict=True)
                points = Readings(tuple(names), np.array(index, np.uint16), np.array(times, np.int64), np.array(values, np.float64))
                yield Derived(points, is_revised)

    def snapshot(self) -> dict[str, Any]:
        return self._open.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        self._open.restore(state)


def make(settings: Settings) -> VnAqi:
    """The derivation with its settings."""
    return VnAqi(settings)
