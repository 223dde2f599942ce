"""A vehicle stands on a live lane: what a camera's vision told as an event becomes an alarm of that direction.

Onset when a stopped vehicle that was told has stood for `dwell_s`; clear when the last of them has gone. The samples say how many stand
at the end of every span, so that an end that was lost on the way ends the alarm too. A sick camera, or a pause in the samples longer than
`max_gap_s`, proves nothing: an open alarm stays, and what was not told yet is forgotten. In a jam everybody stands now and then: there
it is no alarm of its own, unless it is still there when the jam is over.

>>> from city_model.events import CameraEvent, TrafficSample
>>> from stream_processor.core.detectors.port import Batch, DeviceSamples
>>> stop = CameraEvent("stopped_vehicle", "begin", 0, 12_000, 2_000, 0.9, "north", dwell_s=10.0)
>>> seen = [TrafficSample(12_000, 5.0, "north", 3, 2, 0, 900.0, 0.1, 0.9, stopped=1, events=(stop,)),
...         TrafficSample(17_000, 5.0, "north", 3, 2, 0, 900.0, 0.1, 0.9, stopped=0)]
>>> [(v.kind, v.onset_ms) for v in make(Settings()).judge(Batch.of_samples([DeviceSamples("cam-1", seen)]))]
[('onset', 2000), ('clear', 2000)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from city_model.events import CameraEvent, TrafficSample
from city_model.settings import between
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version

_CODE_VERSION = "2"


@dataclass(frozen=True, slots=True)
class Settings:
    """`dwell_s`: standing for less is no alarm (the vision tells from its own dwell on, 10 s); `least_confidence` of the event."""

    dwell_s: float = between(0, 3600, default=10.0)
    least_confidence: float = between(0, 1, default=0.5)
    max_gap_s: float = between(1, 3600, default=60.0)


@dataclass(slots=True)
class _Direction:
    """Who stands there: event id -> when it came to stand (ms); `onset_ms` is None while there is no alarm."""

    last_ms: int = -1
    standing: dict[str, int] = field(default_factory=dict)
    onset_ms: int | None = None
    confidence: float = 0.0


class StoppedVehicle:
    """One row of state per `device/direction`."""

    name = "stopped_vehicle"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        rule = Rule("stopped_vehicle", rule_version(_CODE_VERSION, asdict(settings)), "stopped_vehicle", "high", "s")
        self.rules: Mapping[str, Rule] = {rule.name: rule}
        self._directions: dict[str, _Direction] = {}

    def judge(self, batch: Batch) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for of_device in batch.samples:
            for sample in of_device.samples:
                subject = f"{of_device.device}/{sample.direction}"
                if subject in self._directions or _tells(sample):
                    state = self._directions.setdefault(subject, _Direction())
                    verdicts += self._judge_one(state, subject, of_device.device, sample)
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        """Nothing: silence does not tow a car away."""
        return []

    def _judge_one(self, state: _Direction, subject: str, device: str, sample: TrafficSample) -> Iterator[Verdict]:
        start_ms = sample.at_ms - round(sample.span_s * 1000)
        unknown = sample.health != "ok"
        if unknown or (state.last_ms >= 0 and start_ms - state.last_ms > self._s.max_gap_s * 1000):
            state.standing = {} if state.onset_ms is None else state.standing
        state.last_ms = max(state.last_ms, sample.at_ms)
        if unknown:
            return
        self._update(state, sample)
        if state.onset_ms is None and state.standing and sample.state != "jam":
            began_ms = min(state.standing.values())
            if sample.at_ms - began_ms >= self._s.dwell_s * 1000:
                state.onset_ms = began_ms
                yield self._verdict("onset", state, subject, device, sample)
        elif state.onset_ms is not None and not state.standing:
            yield self._verdict("clear", state, subject, device, sample)
            state.onset_ms = None

    def _update(self, state: _Direction, sample: TrafficSample) -> None:
        for event in sample.events or ():
            if event.kind != "stopped_vehicle" or event.confidence < self._s.least_confidence:
                continue
            if event.phase == "begin":
                state.standing[str(event.id)] = event.began_ms
                state.confidence = event.confidence
            else:
                state.standing.pop(str(event.id), None)
        if sample.stopped == 0:
            state.standing = {}

    def _verdict(self, kind: Literal["onset", "clear"], state: _Direction, subject: str, device: str, sample: TrafficSample) -> Verdict:
        assert state.onset_ms is not None
        dwell_s = (sample.at_ms - state.onset_ms) / 1000
        evidence = {"vehicles": float(len(state.standing)), "area_occupancy": round(sample.area_occupancy, 4)}
        why = f"a vehicle has not moved for {self._s.dwell_s:g} s on a live lane"
        return Verdict(
            kind, "stopped_vehicle", subject, device, sample.at_ms, state.onset_ms, round(dwell_s, 1), self._s.dwell_s,
            state.confidence, evidence, why,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        return {subject: asdict(state) for subject, state in self._directions.items()}

    def restore(self, state: dict[str, Any]) -> None:
        self._directions = {subject: _Direction(**row) for subject, row in state.items()}


def _tells(sample: TrafficSample) -> bool:
    events: tuple[CameraEvent, ...] = sample.events or ()
    return any(event.kind == "stopped_vehicle" for event in events)


def make(settings: Settings) -> StoppedVehicle:
    """The detector with its settings."""
    return StoppedVehicle(settings)
