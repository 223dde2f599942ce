"""A clip played through the vision core, once or several times without a pause, as lines for machines. For a child process only.

Every line is a JSON object with `kind`: crossing, sample, state or event; `pass` (from 1), `frame` (of the pass, from 0) and `time_s`
(since the first frame of the first pass) say when. docs/reference/camera-lines.md lists the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec

from city_model.child import Parent
from city_model.events import TrafficSample
from city_model.faults import Rejected
from edge_agent.sources.luma import Luma, Picture
from edge_agent.sources.video import rate
from stream_processor.core.vision.camera import CameraGeometry, CameraVision, load_geometry
from stream_processor.core.vision.counting import Crossing
from stream_processor.core.vision.sizes import size_class

CLASSES = ("two_wheeler", "car", "large")
_BATCH_LINES = 64
_SAY_EVERY_FRAMES = 25

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Played:
    """One frame of a played clip."""

    pass_: int
    frame: int
    at_ms: int
    picture: Picture


class Clip:
    """An open clip; `fps` overrides what it says of itself."""

    def __init__(self, path: Path, fps: float | None = None) -> None:
        """Raises Rejected when it is no video."""
        self._luma = Luma(str(path))
        self.fps = fps or rate(self._luma)
        self.frames_told = self._luma.frames_told
        self._begins: list[int] = []

    def play(self, passes: int) -> Iterator[Played]:
        """Every frame, `passes` times; time runs on over the seams."""
        k = 0
        for number in range(1, passes + 1):
            self._begins.append(k)
            while (picture := self._luma.read()) is not None:
                yield Played(number, k - self._begins[-1], round(k * 1000 / self.fps), picture)
                k += 1
            if number < passes:
                self._luma.rewind()
        self._luma.close()

    def place(self, at_ms: int) -> Line:
        """Pass, frame and time of a moment that was played."""
        k = max(0, round(at_ms * self.fps / 1000))
        number = max(i for i, begin in enumerate(self._begins, 1) if begin <= k)
        return {"pass": number, "frame": k - self._begins[number - 1], "time_s": round(at_ms / 1000, 3)}


class Watch:
    """One clip under analysis; `look` gives the lines that a frame completes."""

    def __init__(self, clip: Clip, geometry: CameraGeometry, sample_every_s: float) -> None:
        self._clip = clip
        self._vision = CameraVision(geometry, sample_every_s)
        self.states: dict[str, str] = {}
        """The congestion state of each direction, as last told."""

    @property
    def fps(self) -> float:
        """Frames per second of the clip."""
        return self._clip.fps

    @property
    def vision(self) -> CameraVision:
        """What it has learned so far."""
        return self._vision

    def look(self, played: Played) -> list[Line]:
        """Feed one frame."""
        samples = self._vision.feed(played.picture, played.at_ms)
        lines = [self._crossing(direction, crossing) for direction, crossing in self._vision.crossings]
        for sample in samples:
            lines += self._sample(sample)
        return lines

    def finish(self) -> list[Line]:
        """The last crossings, when the clip has ended."""
        return [self._crossing(direction, crossing) for direction, crossing in self._vision.finish()]

    def end(self) -> list[Line]:
        """What the end of the clip makes certain."""
        return [self._crossing(direction, crossing) for direction, crossing in self._vision.finish()]

    def _crossing(self, direction: str, crossing: Crossing) -> Line:
        return {
            "kind": "crossing", "line": direction, "direction": direction, "class": CLASSES[size_class(crossing)],
            **self._clip.place(crossing.at_ms), "width_m": round(crossing.width_m, 2), "length_m": round(crossing.length_m, 2),
            "speed_m_s": round(crossing.speed_m_s, 2),
            "share": round(crossing.share, 3), "width_share": round(crossing.width_share, 3),
        }  # fmt: skip

    def _sample(self, sample: TrafficSample) -> Iterator[Line]:
        told: Line = msgspec.to_builtins(sample)
        events = told.pop("events", None) or []
        place = self._clip.place(sample.at_ms)
        yield {"kind": "sample", **place, **told}
        state = told.get("state")
        if state is not None and state != self.states.get(sample.direction):
            self.states[sample.direction] = state
            yield {"kind": "state", "direction": sample.direction, "state": state, **place}
        for event in events:
            yield {**self._clip.place(event["at_ms"]), **event, "kind": "event", "event": event["kind"]}


def run(parent: Parent, argument: dict[str, Any]) -> None:
    """The child: plays `clip` `passes` times; sends ["progress", frames, of], ["lines", [...]], then ["end", frames] or ["fault", why]."""
    cv2.setNumThreads(1)
    try:
        clip = Clip(Path(argument["clip"]), argument["fps"])
        geometry = load_geometry(Path(argument["camera"]) if argument["camera"] else None)
        watch = Watch(clip, geometry, argument["sample_every_s"])
        parent.send(["end", _play(parent, clip, watch, argument["passes"])])
    except Rejected as err:
        parent.send(["fault", err.detail])


def _play(parent: Parent, clip: Clip, watch: Watch, passes: int) -> int:
    lines: list[Line] = []
    frames = 0
    for played in clip.play(passes):
        lines += watch.look(played)
        frames += 1
        if frames % _SAY_EVERY_FRAMES == 0:
            parent.send(["progress", frames, clip.frames_told * passes])
        if len(lines) >= _BATCH_LINES:
            parent.send(["lines", lines])
            lines = []
    parent.send(["lines", lines + watch.finish()])
    return frames
