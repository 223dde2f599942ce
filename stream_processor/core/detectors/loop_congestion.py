"""Congestion from loop speeds: below 60 % of free flow for a quarter of an hour, free flow learned while it goes.

For stations that report nothing but a mean speed (`speed_kmh`) at regular times. Onset with the reading that completes `hold_s`; the
alarm's onset is the first of them. Clear after `clear_readings` at or above `clear_above_ratio`, which keeps one jam one alarm.
The 85th percentile of what was seen so far lies about one per cent below that of all days, because nights come first and jams weigh
more in a short past; `slow_below_ratio` makes up for it. Congestion below 60 % of free flow: FHWA Urban Congestion Reports.

>>> import numpy as np
>>> from stream_processor.core.detectors.port import Batch
>>> at_ms = np.arange(40, dtype=np.int64) * 300_000
>>> speeds = np.where((np.arange(40) >= 30) & (np.arange(40) < 36), 20.0, 60.0)
>>> [(v.kind, v.at_ms // 300_000) for v in make(Settings()).judge(Batch.of_readings("loop-1", "speed_kmh", at_ms, speeds))]
[('onset', 32), ('clear', 38)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from city_model.settings import between
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version
from stream_processor.core.free_flow import FreeFlow

_CODE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Settings:
    """`slow_below_ratio`, `clear_above_ratio`: of free flow. `hold_s`: how long it must be slow, from before the first slow reading."""

    slow_below_ratio: float = between(0.1, 1, default=0.61)
    clear_above_ratio: float = between(0.1, 1, default=0.7)
    clear_readings: int = between(1, 100, default=3)
    hold_s: float = between(0, 86_400, default=900.0)
    longest_span_s: float = between(1, 86_400, default=900.0)


@dataclass(slots=True)
class _Road:
    """One station."""

    flow: FreeFlow = field(default_factory=FreeFlow)
    last_ms: int | None = None
    slow_since_ms: int | None = None
    onset_ms: int | None = None
    free_count: int = 0
    worst: float = 0.0
    free_speed: float = 0.0


class LoopCongestion:
    """All stations of one partition."""

    name = "loop_congestion"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        self._roads: dict[str, _Road] = {}
        version = rule_version(_CODE_VERSION, settings)
        self.rules: Mapping[str, Rule] = {self.name: Rule(self.name, version, "congestion", "medium", "km/h")}

    def judge(self, batch: Batch) -> list[Verdict]:
        if "speed_kmh" not in batch.quantities:
            return []
        here = np.flatnonzero(batch.quantity_index == batch.quantities.index("speed_kmh"))
        verdicts: list[Verdict] = []
        for i in here:
            device = batch.devices[batch.device_index[i]]
            verdicts += self.take(device, int(batch.at_ms[i]), float(batch.value[i]))
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        return []

    def take(self, device: str, at_ms: int, speed: float) -> Iterator[Verdict]:
        """One mean speed of one station."""
        road = self._roads.setdefault(device, _Road())
        span_ms = min(at_ms - road.last_ms, self._s.longest_span_s * 1000) if road.last_ms is not None else 0
        road.last_ms = at_ms
        road.flow.add(speed)
        free = road.flow.speed()
        if free is None or span_ms <= 0:
            return
        road.free_speed = free
        if road.onset_ms is None:
            yield from self._look_for_onset(road, device, at_ms, speed, int(span_ms))
        else:
            yield from self._look_for_end(road, device, at_ms, speed)

    def _look_for_onset(self, road: _Road, device: str, at_ms: int, speed: float, span_ms: int) -> Iterator[Verdict]:
        if speed >= self._s.slow_below_ratio * road.free_speed:
            road.slow_since_ms = None
            return
        if road.slow_since_ms is None:
            road.slow_since_ms = at_ms - span_ms
        if at_ms - road.slow_since_ms >= self._s.hold_s * 1000:
            road.onset_ms, road.worst, road.free_count = road.slow_since_ms, speed, 0
            yield self._verdict("onset", road, device, at_ms, speed)

    def _look_for_end(self, road: _Road, device: str, at_ms: int, speed: float) -> Iterator[Verdict]:
        road.free_count = road.free_count + 1 if speed >= self._s.clear_above_ratio * road.free_speed else 0
        if road.free_count >= self._s.clear_readings:
            yield self._verdict("clear", road, device, at_ms, speed)
            road.onset_ms = road.slow_since_ms = None
        elif speed < 0.8 * road.worst:  # a fifth slower is news
            road.worst = speed
            yield self._verdict("worse", road, device, at_ms, speed)

    def _verdict(self, kind: Literal["onset", "worse", "clear"], road: _Road, device: str, at_ms: int, speed: float) -> Verdict:
        assert road.onset_ms is not None
        threshold = round(self._s.slow_below_ratio * road.free_speed, 2)
        evidence = {"free_speed_kmh": round(road.free_speed, 1), "held_s": (at_ms - road.onset_ms) / 1000}
        why = f"speed below {self._s.slow_below_ratio:.0%} of free flow for {self._s.hold_s:g} s"
        return Verdict(kind, self.name, device, device, at_ms, road.onset_ms, round(speed, 2), threshold, 1.0, evidence, why)

    def snapshot(self) -> dict[str, Any]:
        return {device: asdict(road) for device, road in self._roads.items()}

    def restore(self, state: dict[str, Any]) -> None:
        self._roads = {device: _Road(**{**row, "flow": FreeFlow(**row["flow"])}) for device, row in state.items()}


def make(settings: Settings) -> LoopCongestion:
    """The detector with its settings."""
    return LoopCongestion(settings)
