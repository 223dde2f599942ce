"""Somebody drives the wrong way: what a camera's vision told as an event becomes an alarm of that direction.

Onset with the first event that is sure enough; every further one within `clear_s` belongs to the same alarm; it clears when nobody has
driven the wrong way for `clear_s`. A sick camera's events say nothing, and while it is sick nothing clears.

>>> from city_model.events import CameraEvent, TrafficSample
>>> from stream_processor.core.detectors.port import Batch, DeviceSamples
>>> ghost = CameraEvent("wrong_way", "begin", 0, 4_800, 4_000, 0.9, "north")
>>> seen = [TrafficSample(5_000, 5.0, "north", 0, 0, 0, 0.0, 0.1, 0.9, events=(ghost,)),
...         TrafficSample(130_000, 5.0, "north", 0, 0, 0, 0.0, 0.1, 0.9)]
>>> [(v.kind, v.at_ms) for v in make(Settings()).judge(Batch.of_samples([DeviceSamples("cam-1", seen)]))]
[('onset', 5000), ('clear', 130000)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from city_model.events import TrafficSample
from city_model.settings import between
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version

_CODE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Settings:
    """`clear_s`: how long nobody may have driven the wrong way before it is over; `least_confidence` of the event."""

    clear_s: float = between(1, 3600, default=120.0)
    least_confidence: float = between(0, 1, default=0.6)


@dataclass(slots=True)
class _Direction:
    """State of one subject with an open alarm."""

    onset_ms: int
    last_ms: int
    vehicles: int
    confidence: float


class WrongWay:
    """One row of state per `device/direction` with an open alarm."""

    name = "wrong_way"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        rule = Rule("wrong_way", rule_version(_CODE_VERSION, asdict(settings)), "wrong_way", "high", "vehicles")
        self.rules: Mapping[str, Rule] = {rule.name: rule}
        self._open: dict[str, _Direction] = {}

    def judge(self, batch: Batch) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for of_device in batch.samples:
            for sample in of_device.samples:
                if sample.health == "ok":
                    verdicts += self._judge_one(f"{of_device.device}/{sample.direction}", of_device.device, sample)
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        """Nothing: a camera that is silent has not seen the road clear."""
        return []

    def _judge_one(self, subject: str, device: str, sample: TrafficSample) -> Iterator[Verdict]:
        seen = [e for e in sample.events or () if e.kind == "wrong_way" and e.confidence >= self._s.least_confidence]
        state = self._open.get(subject)
        if seen and state is None:
            sure = max(event.confidence for event in seen)
            state = self._open[subject] = _Direction(min(event.began_ms for event in seen), sample.at_ms, len(seen), sure)
            yield self._verdict("onset", state, subject, device, sample)
        elif seen and state is not None:
            state.last_ms, state.vehicles = sample.at_ms, state.vehicles + len(seen)
            state.confidence = max(state.confidence, *(event.confidence for event in seen))
            yield self._verdict("worse", state, subject, device, sample)
        elif state is not None and sample.at_ms - state.last_ms >= self._s.clear_s * 1000:
            yield self._verdict("clear", state, subject, device, sample)
            del self._open[subject]

    def _verdict(
        self, kind: Literal["onset", "worse", "clear"], state: _Direction, subject: str, device: str, sample: TrafficSample
    ) -> Verdict:
        why = "a vehicle crossed the counting line against the direction of travel"
        return Verdict(
            kind, "wrong_way", subject, device, sample.at_ms, state.onset_ms, float(state.vehicles), 1.0, round(state.confidence, 3),
            {"vehicles": float(state.vehicles)}, why,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        return {subject: asdict(state) for subject, state in self._open.items()}

    def restore(self, state: dict[str, Any]) -> None:
        self._open = {subject: _Direction(**row) for subject, row in state.items()}


def make(settings: Settings) -> WrongWay:
    """The detector with its settings."""
    return WrongWay(settings)
