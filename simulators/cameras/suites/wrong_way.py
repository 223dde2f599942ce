"""Wrong-way drivers: clips played backwards, where everybody drives the wrong way; and forwards, where nobody does.

Backwards every clip is played twice, and the crossings of the second pass have to be told, each within 1.5 s of where it is in the film.
Where two directions share one line the clip runs forwards first: there only the traffic itself can say who drives where. False ones are
counted over two passes forwards, per thousand crossings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from city_model.faults import Unavailable
from edge_agent.cameras.play import Clip
from simulators.cameras.suites.port import Figure, Play, Row, SuiteReport
from simulators.cameras.truth import TrueClip, TrueLine, read_truth
from stream_processor.core.vision.camera import CameraVision
from stream_processor.core.vision.wrong_way import shares_its_line

WITHIN_S = 1.5
START_MS = 1_764_000_000_000
Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Told:
    """One wrong-way event: its line, and the frame of the whole playing in which it began."""

    line: str
    frame: float


def run(play: Play) -> SuiteReport:
    """Every counted clip, backwards and forwards."""
    clips = read_truth(play.data).clips
    if not clips:
        raise Unavailable(f"{play.data}: no counted clips to play backwards")
    rows: list[Row] = []
    crossed = false = 0
    for clip in clips:
        play.progress(f"wrong-way: {clip.name}")
        frames = [played.picture.copy() for played in Clip(clip.path, clip.fps).play(1)]
        told, crossings = _watch(clip, frames, _forwards(len(frames)) * 2)
        crossed, false = crossed + crossings, false + len(told)
        rows += _backwards(clip, frames, len(told))
    return SuiteReport("wrong-way", tuple(rows), tuple(_figures(rows, false, crossed)))


def _figures(rows: list[Row], false: int, crossed: int) -> Iterator[Figure]:
    truth, raised = (sum(int(row[key] or 0) for row in rows) for key in ("vehicles", "raised"))
    yield Figure("raised", raised / max(truth, 1), 0.95, 0.9)
    yield Figure("false per 1,000 forwards", 1000 * false / max(crossed, 1), 1, 1, better="lower")
    yield Figure("vehicles backwards", truth)
    yield Figure("crossings forwards", crossed)


def _forwards(length: int) -> list[int]:
    return list(range(length))


def _backwards(clip: TrueClip, frames: Sequence[Grey], false: int) -> Iterator[Row]:
    length = len(frames)
    shared = any(shares_its_line(clip.geometry, way) for way in clip.geometry.carriageways)
    before = _forwards(length) * (2 if shared else 0)
    told, _ = _watch(clip, frames, before + _forwards(length)[::-1] * 2)
    begins = len(before) + length
    for line in clip.lines:
        truth = [begins + length - 1 - frame for frame in line.frames]
        found = [one.frame for one in told if one.line == line.name]
        yield {
            "clip": clip.name, "line": line.name, "vehicles": _countable(line), "raised": _matched(truth, found, WITHIN_S * clip.fps),
            "false": false,
        }  # fmt: skip


def _countable(line: TrueLine) -> int:
    return len(line.frames)


def _watch(clip: TrueClip, frames: Sequence[Grey], order: Sequence[int]) -> tuple[list[_Told], int]:
    """The wrong-way events of the frames in this order, and how many crossings were counted along the direction."""
    vision = CameraVision(clip.geometry)
    told, crossings = [], 0
    rest = round(2 * clip.fps)  # the first frames once more: the last crossings need what follows to be certain
    for k, frame in enumerate([*order, *order[:rest]]):
        vision.feed(frames[frame], START_MS + round(k * 1000 / clip.fps))
        crossings += len(vision.crossings) if k < len(order) else 0
        for event in vision.events:
            began = (event.began_ms - START_MS) / 1000 * clip.fps
            if event.kind == "wrong_way" and began < len(order):
                told.append(_Told(event.direction, began))
    return told, crossings


def _matched(truth: Sequence[float], found: Sequence[float], tolerance: float) -> int:
    """One-to-one pairs closer than `tolerance`."""
    left, pairs = sorted(found), 0
    for at in sorted(truth):
        near = next((f for f in left if abs(f - at) <= tolerance), None)
        if near is not None:
            left.remove(near)
            pairs += 1
    return pairs
