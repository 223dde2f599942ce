"""Congestion on one direction of one camera: slow *and* full, for long enough.

Onset when space-mean speed is below `slow_below_kmh` through `hold_s` on a full road; clear when speed is above `free_above_kmh` or area
occupancy below `empty_below_ratio` through `clear_s`. Motorbike traffic keeps no lanes, so the share of road surface that is covered
decides, not lane occupancy. A road is full when that share has risen above `full_above_ratio`, or the camera itself calls it a jam, and
stays so until it falls below `empty_below_ratio`: in a jam of motorbikes the share wavers around any single threshold. The defaults are
starting values for Vietnamese mixed traffic, to be calibrated, not a standard.

A camera without any scale reports no km/h; there a standing picture decides: occupancy above `full_above_ratio` and less than
`still_below_px_s` of motion. A sick camera, or a pause in the samples longer than `max_gap_s`, proves nothing: what was held so
far is forgotten, and an open alarm stays as it is.

>>> from city_model.events import TrafficSample
>>> from stream_processor.core.detectors.port import Batch, DeviceSamples
>>> slow = [TrafficSample(k * 60_000, 60.0, "north", 40, 3, 0, 900.0, 0.6, 0.9, speed_kmh=7.0) for k in range(1, 4)]
>>> [v.kind for v in make(Settings()).judge(Batch.of_samples([DeviceSamples("cam-1", slow)]))]
['onset']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from city_model.events import TrafficSample
from city_model.settings import between
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version

_CODE_VERSION = "2"


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds of the rule `congestion`."""

    slow_below_kmh: float = between(1, 100, default=15.0)
    full_above_ratio: float = between(0, 1, default=0.35)
    hold_s: float = between(0, 3600, default=120.0)
    free_above_kmh: float = between(1, 200, default=20.0)
    empty_below_ratio: float = between(0, 1, default=0.25)
    clear_s: float = between(0, 3600, default=180.0)
    still_below_px_s: float = between(0, 500, default=12.0)
    moving_above_px_s: float = between(0, 500, default=20.0)
    max_gap_s: float = between(1, 3600, default=60.0)

    def check(self) -> Iterator[tuple[str, str, str]]:
        """Hysteresis must have a positive width."""
        if self.free_above_kmh <= self.slow_below_kmh:
            yield "free_above_kmh", str(self.free_above_kmh), f"more than slow_below_kmh ({self.slow_below_kmh})"
        if self.empty_below_ratio >= self.full_above_ratio:
            yield "empty_below_ratio", str(self.empty_below_ratio), f"less than full_above_ratio ({self.full_above_ratio})"


@dataclass(slots=True)
class _Direction:
    """State of one subject. Times are ms of event time; `onset_ms` is None while there is no alarm."""

    last_ms: int = -1
    slow_since_ms: int | None = None
    free_since_ms: int | None = None
    onset_ms: int | None = None
    worst: float = 0.0
    free_speed: float = 0.0
    held: int = 0
    confidence_sum: float = 0.0


class Congestion:
    """One row of state per `device/direction`."""

    name = "congestion"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        rule = Rule("congestion", rule_version(_CODE_VERSION, asdict(settings)), "congestion", "high", "km/h")
        self.rules: Mapping[str, Rule] = {rule.name: rule}
        self._directions: dict[str, _Direction] = {}

    def judge(self, batch: Batch) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for of_device in batch.samples:
            for sample in of_device.samples:
                subject = f"{of_device.device}/{sample.direction}"
                state = self._directions.setdefault(subject, _Direction())
                verdicts += self._judge_one(state, subject, of_device.device, sample)
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        """Nothing: silence proves neither a jam nor a free road."""
        return []

    def _judge_one(self, state: _Direction, subject: str, device: str, sample: TrafficSample) -> Iterator[Verdict]:
        start_ms = sample.at_ms - round(sample.span_s * 1000)
        unknown = sample.health != "ok"
        if unknown or (state.last_ms >= 0 and start_ms - state.last_ms > self._s.max_gap_s * 1000):
            state.slow_since_ms = state.free_since_ms = None
            state.held, state.confidence_sum = 0, 0.0
        state.last_ms = max(state.last_ms, sample.at_ms)
        if unknown:
            return
        _learn_free_speed(state, sample)
        if state.onset_ms is None:
            yield from self._look_for_onset(state, subject, device, sample, start_ms)
        else:
            yield from self._look_for_end(state, subject, device, sample, start_ms)

    def _look_for_onset(self, state: _Direction, subject: str, device: str, sample: TrafficSample, start_ms: int) -> Iterator[Verdict]:
        if not self._is_slow(sample) or not self._is_full(sample, held=state.slow_since_ms is not None):
            state.slow_since_ms, state.held, state.confidence_sum = None, 0, 0.0
            return
        if state.slow_since_ms is None:
            state.slow_since_ms = start_ms
        state.held += 1
        state.confidence_sum += sample.confidence
        if sample.at_ms - state.slow_since_ms >= self._s.hold_s * 1000:
            state.onset_ms, state.worst, state.free_since_ms = state.slow_since_ms, _speed(sample), None
            yield self._verdict("onset", state, subject, device, sample)

    def _look_for_end(self, state: _Direction, subject: str, device: str, sample: TrafficSample, start_ms: int) -> Iterator[Verdict]:
        if self._is_over(sample):
            if state.free_since_ms is None:
                state.free_since_ms = start_ms
            if sample.at_ms - state.free_since_ms >= self._s.clear_s * 1000:
                yield self._verdict("clear", state, subject, device, sample)
                state.onset_ms = state.slow_since_ms = state.free_since_ms = None
                state.held, state.confidence_sum = 0, 0.0
            return
        state.free_since_ms = None
        if _speed(sample) <= state.worst - 1.0:  # a new worst by less than 1 km/h is noise, not news
            state.worst = _speed(sample)
            yield self._verdict("worse", state, subject, device, sample)

    def _is_full(self, sample: TrafficSample, *, held: bool) -> bool:
        bound = self._s.empty_below_ratio if held else self._s.full_above_ratio
        return sample.area_occupancy > bound or sample.state == "jam"

    def _is_slow(self, sample: TrafficSample) -> bool:
        if sample.speed_kmh is not None:
            return sample.speed_kmh < self._s.slow_below_kmh
        return sample.speed_px_s is not None and sample.speed_px_s < self._s.still_below_px_s

    def _is_over(self, sample: TrafficSample) -> bool:
        if sample.area_occupancy < self._s.empty_below_ratio:
            return True
        if sample.speed_kmh is not None:
            return sample.speed_kmh > self._s.free_above_kmh
        return sample.speed_px_s is not None and sample.speed_px_s > self._s.moving_above_px_s

    def _verdict(self, kind: Any, state: _Direction, subject: str, device: str, sample: TrafficSample) -> Verdict:  # noqa: ANN401
        assert state.onset_ms is not None
        evidence = {"area_occupancy": round(sample.area_occupancy, 4), "flow_pcu_h": round(sample.flow_pcu_h, 1)}
        evidence["held_s"] = (sample.at_ms - state.onset_ms) / 1000
        if state.free_speed:
            evidence["free_speed_kmh"] = round(state.free_speed, 1)
        if sample.speed_kmh is None:
            evidence["speed_px_s"] = round(sample.speed_px_s or 0.0, 1)
        why = f"speed below {self._s.slow_below_kmh:g} km/h and area occupancy above {self._s.full_above_ratio:g} for {self._s.hold_s:g} s"
        confidence = state.confidence_sum / state.held if state.held else sample.confidence
        return Verdict(
            kind, "congestion", subject, device, sample.at_ms, state.onset_ms, round(_speed(sample), 2), self._s.slow_below_kmh,
            round(confidence, 3), evidence, why,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        return {subject: asdict(state) for subject, state in self._directions.items()}

    def restore(self, state: dict[str, Any]) -> None:
        self._directions = {subject: _Direction(**row) for subject, row in state.items()}


def _speed(sample: TrafficSample) -> float:
    return sample.speed_kmh if sample.speed_kmh is not None else 0.0


def _learn_free_speed(state: _Direction, sample: TrafficSample) -> None:
    """A slow follower of the speeds seen while the road is fairly empty: what "normal" means in the reasons, no threshold."""
    if sample.speed_kmh is None or sample.area_occupancy > 0.2 or sample.two_wheelers + sample.cars + sample.large == 0:
        return
    step = 0.02 if state.free_speed else 1.0
    state.free_speed += step * (sample.speed_kmh - state.free_speed)


def make(settings: Settings) -> Congestion:
    """The detector with its settings."""
    return Congestion(settings)
