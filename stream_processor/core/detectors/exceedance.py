"""Exceedance of a limit as the regulation means it: a mean over its period, of enough hours, against the figure in force that day.

Every limit of the regulation for 1, 8 and 24 hours is a rule of its own (`no2_1h`, `o3_8h`, `pm25_24h` ...). A station's hour, once over,
is judged with the hours before it; with fewer hours than the period asks for nothing is known and nothing changes. Onset above the limit,
clear below `clear_below_ratio` of it. Annual limits are for reports, not alarms. The figures: `stream_processor/core/air/tables`.

With `pm25 = "corrected"`, PM2.5 of a station whose device names a model of hours in the registry is judged as corrected by it, and the
alarm says by which; by default everything is judged as measured.

>>> import numpy as np
>>> from stream_processor.core.detectors.port import Batch
>>> hours = np.arange(20, dtype=np.int64) * 3_600_000 + 1_790_000_000_000 // 3_600_000 * 3_600_000
>>> [(v.kind, v.rule, v.value, v.threshold) for v in make(Settings()).judge(Batch.of_readings("air-1", "pm25", hours, np.full(20, 48.0)))]
[('onset', 'pm25_24h', 48.0, 45.0)]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from city_model.quantities import QUANTITIES
from city_model.settings import between
from stream_processor.core.air.corrected import in_place_of_raw
from stream_processor.core.air.hours import Indices
from stream_processor.core.air.limits import REGULATIONS, Limit, Period, regulation
from stream_processor.core.air.open_hours import OpenHours
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version
from stream_processor.core.sensors import corrections

_CODE_VERSION = "1"
_HOUR_MS = 3_600_000
_WORSE_BY = 1.1  # a tenth more is news; every hour's creeping is not


@dataclass(frozen=True, slots=True)
class Settings:
    """`regulation`: `qcvn_05_2023` or `who_2021`. `averages`: the periods that raise alarms. Dates are those of `utc_offset_h`.

    `pm25`: whether low-cost counters are judged as measured or as corrected.
    """

    regulation: str = "qcvn_05_2023"
    averages: tuple[str, ...] = ("1h", "8h", "24h")
    clear_below_ratio: float = between(0, 1, default=0.95)
    priority: Literal["high", "medium", "low"] = "medium"
    utc_offset_h: float = between(-12, 14, default=7.0)
    lateness_s: float = between(0, 86_400, default=120.0)
    pm25: Literal["raw", "corrected"] = "raw"

    def check(self) -> Iterator[tuple[str, str, str]]:
        """The regulation must be known, and its periods short enough for an alarm."""
        if self.regulation not in REGULATIONS:
            yield "regulation", repr(self.regulation), "one of " + ", ".join(REGULATIONS)
        if unknown := sorted(set(self.averages) - {"1h", "8h", "24h"}):
            yield "averages", ", ".join(unknown), "some of 1h, 8h, 24h"


@dataclass(frozen=True, slots=True)
class _Judged:
    """One limit with its period, and the plane of its quantity."""

    name: str
    limit: Limit
    period: Period
    plane: int


class Exceedance:
    """All limits of one regulation; one row of state per station, and one for each open (rule, station)."""

    name = "exceedance"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        told = regulation(settings.regulation)
        limits = [limit for limit in told.limit if limit.average in settings.averages and limit.quantity in QUANTITIES]
        quantities = tuple(dict.fromkeys(limit.quantity for limit in limits))
        self._judged = [
            _Judged(f"{limit.quantity}_{limit.average}", limit, told.period[limit.average], quantities.index(limit.quantity))
            for limit in limits
        ]
        self._source = told.name
        self._longest = max((rule.period.hours for rule in self._judged), default=1)
        more = tuple(q for q in corrections.QUANTITIES if q not in quantities) if settings.pm25 == "corrected" else ()
        self._corrections = corrections.Corrections()
        self._hours = OpenHours((*quantities, *more), round(settings.utc_offset_h * _HOUR_MS), self._longest)
        self._open: dict[tuple[str, str], tuple[int, float]] = {}
        self.rules: Mapping[str, Rule] = self._rules()

    def _rules(self) -> Mapping[str, Rule]:
        models = sorted((device, model.key) for device, model in self._corrections.of_device.items())
        settings = {
            name: value for name, value in asdict(self._s).items() if name != "pm25"
        }  # without corrections, the version it always was

        def version(judged: _Judged) -> str:
            own = [["corrected", models]] if models and judged.limit.quantity == "pm25" else []
            return rule_version(_CODE_VERSION, [settings, asdict(judged.limit), asdict(judged.period), *own])

        return {j.name: Rule(j.name, version(j), "pollution", self._s.priority, "ug/m3") for j in self._judged}

    def correct_by(self, told: corrections.Corrections) -> None:
        """Told once, before anything else."""
        if self._s.pm25 == "corrected" and "pm25" in self._hours.sums.quantities:
            self._corrections = told
            self.rules = self._rules()

    def judge(self, batch: Batch) -> list[Verdict]:
        columns = self._hours.columns(batch)
        in_order = columns.where(~self._hours.behind(columns))  # what is behind was judged without; the series has it
        return [verdict for rows, hours in self._hours.take(in_order) for verdict in self._judge_hours(rows, hours)]

    def tick(self, now_ms: int) -> list[Verdict]:
        return self._judge_hours(*self._hours.tick(now_ms - round(self._s.lateness_s * 1000)))

    def _judge_hours(self, rows: Indices, hours: Indices) -> list[Verdict]:
        if not len(rows):
            return []
        means, _ = self._hours.sums.means(rows, hours, self._longest)
        if self._corrections.of_device:
            means = in_place_of_raw(self._hours.sums, rows, hours, means, self._corrections)
        ends_ms = self._hours.sums.start_ms(hours + 1)
        stations = list(self._hours.sums.stations)
        out: list[Verdict] = []
        for rule in self._judged:
            window = means[rule.plane, :, -rule.period.hours :]
            enough = np.flatnonzero((~np.isnan(window)).sum(axis=-1) >= rule.period.min_hours)
            for k in enough.tolist():
                out += self._judge(rule, stations[rows[k]], int(ends_ms[k]), window[k])
        return out

    def _judge(self, rule: _Judged, station: str, end_ms: int, window: NDArray[np.float64]) -> Iterator[Verdict]:
        limit = rule.limit.at((datetime.fromtimestamp((end_ms - 1) / 1000, UTC) + timedelta(hours=self._s.utc_offset_h)).date())
        if limit is None:
            return
        there = window[~np.isnan(window)]
        mean = math.fsum(there.tolist()) / len(there)
        kind = self._turn(rule.name, station, end_ms, mean, limit)
        if kind is None:
            return
        onset_ms = self._open[rule.name, station][0]
        if kind == "clear":
            del self._open[rule.name, station]
        complete = len(there) / rule.period.hours
        evidence = {
            "mean": round(mean, 2), "completeness": round(complete, 4), "peak": round(float(there.max()), 2),
            "window_s": float(rule.period.hours * 3600),
        }  # fmt: skip
        why = f"mean of {rule.limit.average} {mean:.1f} ug/m3, limit {limit:g} ({self._source}){self._by_model(rule, station)}"
        yield Verdict(
            kind,
            rule.name,
            f"{station}/{rule.limit.quantity}",
            station,
            end_ms,
            onset_ms,
            round(mean, 2),
            limit,
            round(complete, 3),
            evidence,
            why,
        )

    def _by_model(self, rule: _Judged, station: str) -> str:
        model = self._corrections.of_device.get(station)
        return f"; PM2.5 corrected by {model.key}" if model is not None and model.span == "hour" and rule.limit.quantity == "pm25" else ""

    def _turn(self, rule: str, station: str, end_ms: int, mean: float, limit: float) -> Literal["onset", "worse", "clear"] | None:
        """What the mean means for an alarm; the state follows, except that a cleared one is still there to be told of."""
        key = (rule, station)
        if key not in self._open:
            if mean <= limit:
                return None
            self._open[key] = (end_ms, mean)
            return "onset"
        onset_ms, worst = self._open[key]
        if mean < limit * self._s.clear_below_ratio:
            return "clear"
        if mean > worst * _WORSE_BY:
            self._open[key] = (onset_ms, mean)
            return "worse"
        return None

    def snapshot(self) -> dict[str, Any]:
        return {"hours": self._hours.snapshot(), "open": [[*key, *value] for key, value in self._open.items()]}

    def restore(self, state: dict[str, Any]) -> None:
        self._hours.restore(state["hours"])
        self._open = {(rule, station): (onset_ms, worst) for rule, station, onset_ms, worst in state["open"]}


def make(settings: Settings) -> Exceedance:
    """The detector with its settings."""
    return Exceedance(settings)
