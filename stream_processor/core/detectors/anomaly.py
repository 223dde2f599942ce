"""Anomaly in any series, of the air or of a road: what differs from what this series has done so far (`stream_processor.core.anomaly`).

Off until `quantities` names some. Values are put into slots of five minutes, each worth its mean: the pace at which the parameters were
fixed on NAB. A slot is over when its series has a later value, or by ticks. Nothing is told of a series before it was seen for `learn_h`;
a baseline for each part of the day is learned meanwhile. Onset with the slot whose score reaches the threshold, clear after `clear_slots`
in a row below `clear_below_ratio` of it. What is odd is no danger yet, so the alarm is a low maintenance one, and one device opens at
most one in `rest_h`.

>>> from stream_processor.core.detectors.port import Batch
>>> at_ms = np.arange(400, dtype=np.int64) * 300_000
>>> flow = np.where(np.arange(400) == 390, 90.0, 10.0 + np.arange(400) % 3)
>>> watch = make(Settings(quantities=("flow_veh_h",)))
>>> [(v.kind, v.rule, v.onset_ms // 300_000) for v in watch.judge(Batch.of_readings("loop-1", "flow_veh_h", at_ms, flow))]
[('onset', 'anomaly_flow_veh_h', 390)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from city_model.events import TrafficSample
from city_model.quantities import READINGS
from city_model.settings import between
from stream_processor.core import anomaly
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version

_CODE_VERSION = "1"
_HOUR_MS = 3_600_000
_OF_SAMPLES = ("speed_kmh", "area_occupancy", "flow_pcu_h")
_WORSE_BY = 1.5


@dataclass(frozen=True, slots=True)
class Settings:
    """`quantities`: which are watched, of every device that says them; none by default. `score`: parameters of the score, in slots."""

    quantities: tuple[str, ...] = ()
    slot_s: int = between(1, 86_400, default=300)
    learn_h: float = between(0, 8_760, default=24.0)
    rest_h: float = between(0, 720, default=6.0)
    clear_below_ratio: float = between(0, 1, default=0.6)
    clear_slots: int = between(1, 1000, default=12)
    lateness_s: float = between(0, 86_400, default=120.0)
    score: anomaly.Settings = field(default_factory=anomaly.Settings)

    def check(self) -> Iterator[tuple[str, str, str]]:
        """Quantities must exist."""
        known = READINGS | set(_OF_SAMPLES)
        if unknown := sorted(set(self.quantities) - known):
            yield "quantities", ", ".join(unknown), "some of " + ", ".join(sorted(known))


@dataclass(slots=True)
class _Series:
    """One series: the open slot, what is known of it, and the alarm if there is one."""

    score: anomaly.Anomaly
    slot: int
    first_slot: int
    total: float = 0.0
    count: int = 0
    onset_ms: int | None = None
    worst: float = 0.0
    calm: int = 0


Key = tuple[str, str, str]
"""(device, direction or empty, quantity)."""


class AnomalyWatch:
    """All watched series of one partition."""

    name = "anomaly"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        self._slot_ms = settings.slot_s * 1000
        self._series: dict[Key, _Series] = {}
        self._told_ms: dict[str, int] = {}
        version = rule_version(_CODE_VERSION, asdict(settings))
        self.rules: Mapping[str, Rule] = {
            f"anomaly_{quantity}": Rule(f"anomaly_{quantity}", version, "maintenance", "low", "1") for quantity in settings.quantities
        }

    def judge(self, batch: Batch) -> list[Verdict]:
        if not self._s.quantities:
            return []
        verdicts: list[Verdict] = []
        wanted = np.array([name in self._s.quantities for name in batch.quantities], np.bool_)
        for k in np.flatnonzero(wanted[batch.quantity_index]).tolist() if wanted.any() else ():
            key = (batch.devices[batch.device_index[k]], "", batch.quantities[batch.quantity_index[k]])
            verdicts += self._take(key, int(batch.at_ms[k]), float(batch.value[k]))
        for of_device in batch.samples:
            for sample in of_device.samples:
                for quantity, value in self._figures(sample):
                    verdicts += self._take((of_device.device, sample.direction, quantity), sample.at_ms, value)
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        over = int(now_ms - self._s.lateness_s * 1000) // self._slot_ms
        return [v for key in sorted(self._series) if self._series[key].slot < over for v in self._close(key, self._series[key], over)]

    def _figures(self, sample: TrafficSample) -> Iterator[tuple[str, float]]:
        """A sick camera's figures say nothing about the road."""
        if sample.health == "ok":
            for quantity in _OF_SAMPLES:
                if quantity in self._s.quantities and (value := getattr(sample, quantity)) is not None:
                    yield quantity, value

    def _take(self, key: Key, at_ms: int, value: float) -> Iterator[Verdict]:
        slot = at_ms // self._slot_ms
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(anomaly.Anomaly(self._s.score), slot, slot)
        if slot < series.slot:
            return  # its slot was judged without it; the series has it
        if slot > series.slot:
            yield from self._close(key, series, slot)
        series.total += value
        series.count += 1

    def _close(self, key: Key, series: _Series, next_slot: int) -> Iterator[Verdict]:
        """The open slot is over; an empty one says nothing."""
        slot, count, total = series.slot, series.count, series.total
        series.slot, series.count, series.total = next_slot, 0, 0.0
        if count:
            yield from self._score(key, series, slot, total / count)

    def _score(self, key: Key, series: _Series, slot: int, mean: float) -> Iterator[Verdict]:
        start_ms, end_ms = slot * self._slot_ms, (slot + 1) * self._slot_ms
        usual = series.score.usual(start_ms)
        score, is_told = series.score.take(start_ms, mean)
        figures = {"value": round(mean, 3), "usual": round(usual, 3), "score": round(score, 3)}
        if series.onset_ms is None:
            is_learned = start_ms - series.first_slot * self._slot_ms >= self._s.learn_h * _HOUR_MS
            if is_told and is_learned and end_ms - self._told_ms.get(key[0], -(10**15)) >= self._s.rest_h * _HOUR_MS:
                self._told_ms[key[0]] = end_ms
                series.onset_ms, series.worst, series.calm = start_ms, score, 0
                yield self._verdict("onset", key, series, end_ms, figures)
            return
        series.calm = series.calm + 1 if score < self._s.clear_below_ratio * self._s.score.threshold else 0
        if series.calm >= self._s.clear_slots:
            yield self._verdict("clear", key, series, end_ms, figures)
            series.onset_ms = None
        elif score > _WORSE_BY * series.worst:
            series.worst = score
            yield self._verdict("worse", key, series, end_ms, figures)

    def _verdict(
        self, kind: Literal["onset", "worse", "clear"], key: Key, series: _Series, at_ms: int, figures: dict[str, float]
    ) -> Verdict:  # fmt: skip
        assert series.onset_ms is not None
        device, direction, quantity = key
        why = f"{quantity} {figures['value']:g} where {figures['usual']:g} is usual: unlike what this series has done so far"
        return Verdict(
            kind, f"anomaly_{quantity}", f"{device}/{direction or quantity}", device, at_ms, series.onset_ms, figures["score"],
            self._s.score.threshold, evidence=figures, why=why,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        rows = [
            [*key, s.score.snapshot(), s.slot, s.first_slot, s.total, s.count, s.onset_ms, s.worst, s.calm]
            for key, s in self._series.items()
        ]
        return {"series": rows, "told_ms": dict(self._told_ms)}

    def restore(self, state: dict[str, Any]) -> None:
        self._told_ms = dict(state["told_ms"])
        self._series = {}
        for device, direction, quantity, score, *rest in state["series"]:
            watched = anomaly.Anomaly(self._s.score)
            watched.restore(score)
            self._series[device, direction, quantity] = _Series(watched, *rest)


def make(settings: Settings) -> AnomalyWatch:
    """The detector with its settings."""
    return AnomalyWatch(settings)
