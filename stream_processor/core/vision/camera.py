"""One camera: frames in, traffic samples out. Pure: the same frames give the same samples, on the pole and in the centre.

    vision = CameraVision(load_geometry(Path("camera.toml")))
    for at_ms, frame in frames:
        samples = vision.feed(frame, at_ms)

`snapshot` holds all that later samples depend on; a vision restored from it goes on bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from city_model.events import CameraEvent, TrafficSample
from city_model.faults import Rejected
from stream_processor.core.vision import roads
from stream_processor.core.vision.counting import Crossing
from stream_processor.core.vision.geometry import CameraGeometry, load_geometry
from stream_processor.core.vision.health import Health, HealthWatch
from stream_processor.core.vision.steady import Steady
from stream_processor.core.vision.stopped import DWELL_S
from stream_processor.core.vision.way import CarriagewayWatch

__all__ = ["CameraGeometry", "CameraVision", "load_geometry"]

SNAPSHOT_VERSION = 6
LEAST_SIDE_PX = 32
LEAST_SPAN_MS = 1_000
HURRIED = ("stopped_vehicle", "wrong_way")

Frame = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with the camera, the number of that fault, and since when."""

    word: Health
    id: int
    began_ms: int


class CameraVision:
    """State of one camera; samples end at multiples of `sample_every_s` of event time, one per carriageway.

    `crossings` are those that became certain with the last frame, each with its carriageway's direction; the samples count them too.
    `events` are what began or ended with the last frame; the samples carry them too, and an incident does not wait for its sample's end:
    it ends the span at once, where both parts of it are at least LEAST_SPAN_MS long. What stands for `dwell_s` is a stopped vehicle.
    A fault of the camera is an event of no direction, carried by the first carriageway's sample. Where frames stop coming, whoever waits
    for them calls `idle`.
    """

    def __init__(self, geometry: CameraGeometry, sample_every_s: float = 5.0, dwell_s: float = DWELL_S) -> None:
        self._geometry = geometry
        self._every_ms = round(sample_every_s * 1000)
        self._size: tuple[int, int] | None = None
        self._ways: tuple[CarriagewayWatch, ...] = ()
        self._health = HealthWatch()
        self._steady = Steady()
        self._dwell_s = dwell_s
        self._fault = _Fault("ok", -1, -1)
        self.crossings: list[tuple[str, Crossing]] = []
        self.events: list[CameraEvent] = []
        self._from_ms = self._end_ms = self._last_ms = -1

    def feed(self, frame: Frame, at_ms: int) -> list[TrafficSample]:
        """Analyse a grey (h, w) or BGR (h, w, 3) frame taken at `at_ms`; returns the samples that it completes.

        A frame that is not newer than the last is ignored. Raises Rejected("bad_frame") for what is no picture.
        """
        grey = _grey(frame)
        self.crossings, self.events = [], []
        if at_ms <= self._last_ms:
            return []
        if self._size != (grey.shape[1], grey.shape[0]):
            self._begin(grey.shape[1], grey.shape[0])
        samples = self._turn(at_ms)
        self._end_span(at_ms)
        self._last_ms = at_ms
        if self._health.look(grey, at_ms):
            shift_px = self._steady.look(grey, at_ms) if any(way.counts for way in self._ways) else (0.0, 0.0)
            before = [len(way.events) for way in self._ways]
            for way in self._ways:
                self.crossings += [(way.direction, crossing) for crossing in way.feed(grey, at_ms, shift_px)]
            roads.look(self._ways, grey, at_ms)
            self.events += [event for way, told in zip(self._ways, before, strict=True) for event in way.events[told:]]
        return samples + self._hurry(at_ms)

    def idle(self, at_ms: int) -> list[TrafficSample]:
        """No frame has come up to `at_ms`: the samples of what ended meanwhile, "no_signal" once it has been silent for long.

        After a long pause only the newest span is told of. Does nothing before the first frame.
        """
        self.crossings, self.events = [], []
        if self._last_ms < 0:
            return []
        samples = self._turn(at_ms)
        if at_ms >= self._end_ms + self._every_ms:
            self._end_ms = at_ms // self._every_ms * self._every_ms
            self._from_ms = self._end_ms - self._every_ms
            samples += self._turn(at_ms)
        self._end_span(at_ms)
        return samples

    def finish(self) -> list[tuple[str, Crossing]]:
        """The last crossings of a recording, when no frame comes any more; `feed` tells each some time after it happened."""
        self.crossings = [(way.direction, crossing) for way in self._ways for crossing in way.finish()]
        return self.crossings

    @property
    def ways(self) -> tuple[CarriagewayWatch, ...]:
        """The carriageways in the order of the geometry; none before the first frame."""
        return self._ways

    def masked(self, frame: Frame) -> Frame:
        """A copy of `frame` with the privacy masks blackened (the frame itself where there are none)."""
        if not self._geometry.masks:
            return frame
        out = frame.copy()
        for mask in self._geometry.scaled(frame.shape[1], frame.shape[0]).masks:
            cv2.fillPoly(out, [np.rint(mask).astype(np.int32)], 0)
        return out

    def _begin(self, width: int, height: int) -> None:
        """Start afresh for frames of this size: what was learned has other pixels."""
        geometry = self._geometry.scaled(width, height)
        self._size = (width, height)
        self._ways = roads.carriageways(geometry, width, height, self._dwell_s)
        self._health, self._steady = HealthWatch(), Steady()

    def _turn(self, at_ms: int) -> list[TrafficSample]:
        """The samples of a span that ended up to now. One without any frame gives none unless the camera is known to be silent."""
        if self._last_ms < 0 or at_ms < self._end_ms:
            return []
        health = self._health.verdict(self._end_ms, self._end_ms - self._from_ms)
        return self._samples(self._end_ms, health) if self._last_ms >= self._from_ms or health == "no_signal" else []

    def _end_span(self, at_ms: int) -> None:
        """The next span is that which `at_ms` lies in; the first begins with the first frame."""
        if self._last_ms < 0 or at_ms >= self._end_ms:
            self._end_ms = (at_ms // self._every_ms + 1) * self._every_ms
            self._from_ms = at_ms if self._last_ms < 0 else self._end_ms - self._every_ms

    def _hurry(self, at_ms: int) -> list[TrafficSample]:
        """The samples of a span that an incident ends before its time; a very short one would make nonsense of flows per hour."""
        if not any(event.kind in HURRIED for way in self._ways for event in way.events):
            return []
        if at_ms - self._from_ms < LEAST_SPAN_MS or self._end_ms - at_ms < LEAST_SPAN_MS:
            return []
        samples = self._samples(at_ms, self._health.verdict(at_ms, at_ms - self._from_ms))
        self._from_ms = at_ms
        return samples

    def _samples(self, end_ms: int, health: Health) -> list[TrafficSample]:
        """One a carriageway, of the span up to `end_ms`."""
        span_s = (end_ms - self._from_ms) / 1000
        told = self._tell(health, end_ms)
        samples = [way.sample(end_ms, span_s, health) for way in self._ways]
        if told and samples:
            events = (*(samples[0].events or ()), *told)
            samples[0] = msgspec.structs.replace(samples[0], events=events)
        return samples

    def _tell(self, health: Health, at_ms: int) -> list[CameraEvent]:
        """The events of a change of health: what ended, and what has begun: a silence with the last frame, other faults in this span."""
        old, told = self._fault, list[CameraEvent]()
        if health == old.word:
            return told
        if old.word != "ok":
            told.append(CameraEvent("health", "end", old.id, at_ms, old.began_ms, 1.0, value=old.word))
        self._fault = _Fault(health, old.id, -1)
        if health != "ok":
            self._fault = _Fault(health, old.id + 1, self._last_ms if health == "no_signal" else self._from_ms)
            told.append(CameraEvent("health", "begin", self._fault.id, at_ms, self._fault.began_ms, 1.0, value=health))
        self.events += told
        return told

    def snapshot(self) -> dict[str, Any]:
        """State as plain msgpack-able values."""
        return {
            "version": SNAPSHOT_VERSION, "size": None if self._size is None else list(self._size),
            "at": [self._from_ms, self._end_ms, self._last_ms], "fault": [self._fault.word, self._fault.id, self._fault.began_ms],
            "health": self._health.snapshot(), "steady": self._steady.snapshot(), "ways": [way.snapshot() for way in self._ways],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot` of the same geometry. Raises Rejected("snapshot_version") for another version's."""
        if state.get("version") != SNAPSHOT_VERSION:
            raise Rejected("snapshot_version", f"{state.get('version')!r}, this is version {SNAPSHOT_VERSION}")
        if state["size"] is not None:
            self._begin(*state["size"])
        self._from_ms, self._end_ms, self._last_ms = state["at"]
        self._fault = _Fault(*state["fault"])
        self._health.restore(state["health"])
        self._steady.restore(state["steady"])
        for way, saved in zip(self._ways, state["ways"], strict=True):
            way.restore(saved)


def _grey(frame: Frame) -> NDArray[np.uint8]:
    if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or min(frame.shape[:2]) < LEAST_SIDE_PX:
        raise Rejected("bad_frame", f"{frame.dtype} {frame.shape}; expected uint8 pictures of at least {LEAST_SIDE_PX} px a side")
    if frame.ndim == 2:
        return frame
    if frame.shape[2] != 3:
        raise Rejected("bad_frame", f"{frame.shape[2]} channels; expected grey or BGR")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
