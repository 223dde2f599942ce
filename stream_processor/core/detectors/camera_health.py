"""A camera that is ill, or silent: work for technicians, never an alarm about the road.

Onset when every sample's health has been other than "ok" through `hold_s`, or when a camera that used to send has not sent for
`silent_s`; clear when all samples have been "ok" through `clear_s`. The evidence has one entry, `fault_<word>` = 1, with the word of
`stream_processor.core.vision.health` (black, over_exposed, frozen, noisy, covered, moved, blurred, low_rate, no_signal); the value is how
long it had lasted, in seconds. Another fault during the episode makes it "worse", with the new word.

>>> from city_model.events import TrafficSample
>>> from stream_processor.core.detectors.port import Batch, DeviceSamples
>>> sick = [TrafficSample(k * 30_000, 30.0, "north", 0, 0, 0, 0.0, 0.0, 0.0, health="covered") for k in range(1, 4)]
>>> [(v.kind, v.evidence) for v in make(Settings()).judge(Batch.of_samples([DeviceSamples("cam-1", sick)]))]
[('onset', {'fault_covered': 1.0})]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from city_model.events import TrafficSample
from city_model.settings import between
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version

_CODE_VERSION = "1"
_OK, _NO_SIGNAL = "ok", "no_signal"


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the rule `camera_health`."""

    hold_s: float = between(0, 3600, default=60.0)
    clear_s: float = between(0, 3600, default=60.0)
    silent_s: float = between(10, 86_400, default=300.0)


@dataclass(slots=True)
class _Camera:
    """State of one camera. `word` is the health of its newest sample, `since_ms` since when it is sick (or, again, well)."""

    last_ms: int = -1
    word: str = _OK
    since_ms: int = -1
    onset_ms: int | None = None
    told: str = ""


class CameraHealth:
    """One row of state per camera: its directions share one lens, so the sickest word of a moment counts."""

    name = "camera_health"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        rule = Rule("camera_health", rule_version(_CODE_VERSION, asdict(settings)), "maintenance", "medium", "s")
        self.rules: Mapping[str, Rule] = {rule.name: rule}
        self._cameras: dict[str, _Camera] = {}

    def judge(self, batch: Batch) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for of_device in batch.samples:
            camera = self._cameras.setdefault(of_device.device, _Camera())
            for sample in of_device.samples:
                verdicts += self._judge_one(camera, of_device.device, sample)
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        """Cameras that have gone silent."""
        verdicts = []
        for device, camera in sorted(self._cameras.items()):
            if camera.last_ms >= 0 and now_ms - camera.last_ms >= self._s.silent_s * 1000 and camera.told != _NO_SIGNAL:
                if camera.word == _OK:
                    camera.since_ms = camera.last_ms
                camera.word = _NO_SIGNAL
                verdicts.append(self._tell(camera, device, now_ms))
        return verdicts

    def _judge_one(self, camera: _Camera, device: str, sample: TrafficSample) -> Iterator[Verdict]:
        if sample.at_ms < camera.last_ms:
            return
        start_ms = sample.at_ms - round(sample.span_s * 1000)
        if sample.at_ms == camera.last_ms and sample.health == _OK:
            return
        camera.last_ms = sample.at_ms
        if camera.since_ms < 0 or (camera.word == _OK) != (sample.health == _OK):
            camera.since_ms = start_ms
        camera.word = sample.health
        lasted_ms = sample.at_ms - camera.since_ms
        if camera.word != _OK and camera.word != camera.told and lasted_ms >= self._s.hold_s * 1000:
            yield self._tell(camera, device, sample.at_ms)
        elif camera.word == _OK and camera.onset_ms is not None and lasted_ms >= self._s.clear_s * 1000:
            yield self._verdict("clear", camera, device, sample.at_ms)
            camera.onset_ms, camera.told = None, ""

    def _tell(self, camera: _Camera, device: str, at_ms: int) -> Verdict:
        """The beginning of an episode, or another fault within it."""
        kind: Literal["onset", "worse"] = "worse"
        if camera.onset_ms is None:
            kind, camera.onset_ms = "onset", camera.since_ms
        camera.told = camera.word
        return self._verdict(kind, camera, device, at_ms)

    def _verdict(self, kind: Literal["onset", "worse", "clear"], camera: _Camera, device: str, at_ms: int) -> Verdict:
        assert camera.onset_ms is not None
        limit_s = self._s.silent_s if camera.told == _NO_SIGNAL else self._s.hold_s
        return Verdict(
            kind, "camera_health", device, device, at_ms, camera.onset_ms, (at_ms - camera.onset_ms) / 1000, limit_s,
            evidence={f"fault_{camera.told}": 1.0}, why=f"the camera's pictures are no data for {limit_s:g} s: {camera.told}",
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        return {device: asdict(camera) for device, camera in self._cameras.items()}

    def restore(self, state: dict[str, Any]) -> None:
        self._cameras = {device: _Camera(**row) for device, row in state.items()}


def make(settings: Settings) -> CameraHealth:
    """The detector with its settings."""
    return CameraHealth(settings)
