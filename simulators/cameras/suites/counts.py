"""Vehicles counted at lines, against hand-made truth: every clip twice without a pause, the second pass and the cold first one.

Geometry is `line` and `direction_vector` alone. `ms` is the processor time of a frame, decoding and everything the camera
measures included.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2

from city_model.faults import Unavailable
from edge_agent.cameras.play import Clip
from simulators.cameras.matching import TOLERANCE_S, LineScore, score_line, total
from simulators.cameras.suites.port import Figure, Play, Row, SuiteReport
from simulators.cameras.truth import TrueClip, TrueLine, read_truth
from stream_processor.core.vision.camera import CameraVision
from stream_processor.core.vision.counting import Crossing, LineCounter
from stream_processor.core.vision.road import Grey
from stream_processor.core.vision.steady import Steady
from stream_processor.core.vision.strip import strip_view

PASSES = 2

Passes = list[dict[str, list[float]]]
"""For each pass, the frames (counted from 0 in the pass) in which vehicles touched each line."""


@dataclass(frozen=True, slots=True)
class Played:
    """What was counted on one clip, and milliseconds a frame for all of it (decoding, every measurement)."""

    passes: Passes
    ms: float


def run(play: Play) -> SuiteReport:
    """Count on every clip."""
    clips = read_truth(play.data).clips
    if not clips:
        raise Unavailable(f"{play.data}: no clips with counting lines")
    cv2.setNumThreads(1)
    rows: list[Row] = []
    cold: list[LineScore] = []
    warm: list[LineScore] = []
    times: list[tuple[float, int]] = []
    for clip in clips:
        play.progress(f"counts: {clip.name}")
        played = count(clip)
        times.append((played.ms, clip.size[0] * clip.size[1]))
        for line in clip.lines:
            first, second = (judge(clip, line, told[line.name]) for told in played.passes)
            cold.append(first)
            warm.append(second)
            rows.append(_row(clip, line, first, second, played.ms))
    return SuiteReport("counts", tuple(rows), tuple(_figures(cold, warm, times)))


def count(clip: TrueClip, *, lines_only: bool = False) -> Played:
    """Play `clip` PASSES times through a camera that knows its lines, or through its counting `lines_only`."""
    vision = LinesAlone(clip) if lines_only else CameraVision(clip.geometry)
    told: list[tuple[str, int]] = []
    begins: list[int] = []
    frames = 0
    begun = time.process_time()
    for played in Clip(clip.path, clip.fps).play(PASSES):
        if played.frame == 0:
            begins.append(frames)
        frames += 1
        vision.feed(played.picture, played.at_ms)
        told += [(name, crossing.at_ms) for name, crossing in vision.crossings]
    told += [(name, crossing.at_ms) for name, crossing in vision.finish()]
    spent_s = time.process_time() - begun
    passes: Passes = [{line.name: [] for line in clip.lines} for _ in begins]
    for name, at_ms in told:
        frame = at_ms * clip.fps / 1000
        number = max((i for i, begin in enumerate(begins) if begin <= frame + 0.5), default=0)
        passes[number][name].append(frame - begins[number])
    return Played(passes, spent_s * 1000 / max(frames, 1))


class LinesAlone:
    """The counting lines of a clip without anything else that a camera measures; `feed`, `crossings` and `finish` as CameraVision's."""

    def __init__(self, clip: TrueClip) -> None:
        ways = [(way.direction, strip_view(clip.geometry, way, *clip.size)) for way in clip.geometry.carriageways]
        self._counters = [(name, LineCounter(strip)) for name, strip in ways if strip is not None]
        self._steady = Steady()
        self.crossings: list[tuple[str, Crossing]] = []

    def feed(self, grey: Grey, at_ms: int) -> None:
        """One frame of the clip's size."""
        shift_px = self._steady.look(grey, at_ms)
        self.crossings = [(name, one) for name, counter in self._counters for one in counter.look(grey, at_ms, shift_px)]

    def finish(self) -> list[tuple[str, Crossing]]:
        """The last crossings."""
        return [(name, one) for name, counter in self._counters for one in counter.finish()]


def judge(clip: TrueClip, line: TrueLine, frames: list[float]) -> LineScore:
    """What was counted at `line` in one pass."""
    return score_line(line.frames, line.count, line.count_max + line.motorcycles, frames, TOLERANCE_S * clip.fps)


def _row(clip: TrueClip, line: TrueLine, cold: LineScore, warm: LineScore, ms: float) -> Row:
    one = total([warm])
    return {
        "clip": clip.name, "line": line.name, "truth": f"{warm.low}..{warm.high}" if warm.high > warm.low else str(warm.low),
        "counted": warm.found, "error": warm.error, "matched": warm.matched, "accuracy": round(one.accuracy, 4), "f1": round(one.f1, 4),
        "cold_counted": cold.found, "cold_error": cold.error, "cold_matched": cold.matched, "ms": round(ms, 3),
    }  # fmt: skip


def _figures(cold: list[LineScore], warm: list[LineScore], times: list[tuple[float, int]]) -> Iterator[Figure]:
    second, first = total(warm), total(cold)
    yield Figure("count accuracy", round(second.accuracy, 4), 0.98, 0.96)
    yield Figure("f1", round(second.f1, 4), 0.96, 0.94)
    yield Figure("precision", round(second.precision, 4))
    yield Figure("recall", round(second.recall, 4))
    yield Figure("exact lines", second.exact)
    yield Figure("lines", second.lines)
    yield Figure("events", second.events)
    yield Figure("cold count accuracy", round(first.accuracy, 4), 0.96, 0.93)
    yield Figure("cold f1", round(first.f1, 4))
    yield Figure("cold exact lines", first.exact)
    yield Figure("ms per frame", round(math.fsum(ms for ms, _ in times) / len(times), 3))
