"""Stopped vehicles: real vehicles frozen in the middle of a lane while traffic goes on have to be told, and nothing else.

Thirty freezes, drawn from the counted clips: the vehicle stands for 15 to 22 s, then drives away. It counts as raised when an event whose
box meets it begins within dwell + 3 s, as cleared when that event ends within 3 s of its pulling away. Every counted clip is also played
as it is, in a loop; whatever is told there is false.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from city_model.events import CameraEvent
from city_model.faults import Unavailable
from edge_agent.cameras.play import Clip
from simulators.cameras.freezes import CutOut, Freeze, Grey, cut_outs
from simulators.cameras.suites.port import Figure, Play, Row, SuiteReport
from simulators.cameras.truth import TrueClip, read_truth
from stream_processor.core.vision.camera import CameraVision
from stream_processor.core.vision.stopped import DWELL_S

FREEZES = 30
LATE_MS = 3_000
WARM_MS = 12_000
STANDS_MS = (15_000, 22_000)
LOOP_MS = 60_000
START_MS = 1_764_000_000_000


def run(play: Play) -> SuiteReport:
    """Freezes, then the clips as they are."""
    clips = read_truth(play.data).clips
    if not clips:
        raise Unavailable(f"{play.data}: no counted clips, nothing to freeze vehicles of")
    rng = np.random.default_rng(play.seed)
    frames = {clip.name: _read(clip) for clip in clips}
    rows = [_judge(clip, frames[clip.name], freeze, play) for clip, freeze in _draw(clips, frames, rng)]
    false = sum(_false(clip, frames[clip.name], play) for clip in clips)
    if not rows:
        raise Unavailable(f"{play.data}: no vehicle could be cut out cleanly")
    return SuiteReport("stops", tuple(rows), tuple(_figures(rows, false)))


def _figures(rows: list[Row], false: int) -> Iterator[Figure]:
    raised = sum(row["raised_s"] is not None for row in rows)
    cleared = sum(row["cleared_s"] is not None for row in rows)
    yield Figure(f"raised within {DWELL_S + LATE_MS / 1000:g} s", raised / len(rows), 0.95, 0.9)
    yield Figure("raised and cleared within 3 s", cleared / len(rows), 0.95, 0.9)
    yield Figure("false on the clips as they are", false, 0, 0, better="lower")
    yield Figure("false during the freezes", sum(int(row["false"] or 0) for row in rows), 0, None, better="lower")
    yield Figure("freezes", len(rows))


def _read(clip: TrueClip) -> list[Grey]:
    return [played.picture.copy() for played in Clip(clip.path, clip.fps).play(1)]


def _draw(clips: Sequence[TrueClip], frames: dict[str, list[Grey]], rng: np.random.Generator) -> Iterator[tuple[TrueClip, Freeze]]:
    """FREEZES freezes, from every clip in turn."""
    stock: dict[str, list[CutOut]] = {}
    for clip in clips:
        cuts = cut_outs(clip, frames[clip.name])
        stock[clip.name] = [cuts[i] for i in rng.permutation(len(cuts))]
    drawn = 0
    while drawn < FREEZES and any(stock.values()):
        for clip in clips:
            if stock[clip.name] and drawn < FREEZES:
                drawn += 1
                yield clip, _freeze(stock[clip.name].pop(), len(frames[clip.name]), clip.fps, rng)


def _freeze(cut: CutOut, length: int, fps: float, rng: np.random.Generator) -> Freeze:
    passes = int(np.ceil(max(0.0, WARM_MS / 1000 * fps - cut.frame) / length))
    stops_ms = round((passes * length + cut.frame) * 1000 / fps)
    leaves_ms = stops_ms + int(rng.integers(*STANDS_MS))
    return Freeze(cut, stops_ms, leaves_ms, leaves_ms + 8_000)


def _judge(clip: TrueClip, frames: list[Grey], freeze: Freeze, play: Play) -> Row:
    play.progress(f"stops: {clip.name} {freeze.cut.line} frame {freeze.cut.frame}")
    vision = CameraVision(clip.geometry)
    raised: CameraEvent | None = None
    cleared_ms: int | None = None
    false = 0
    for at_ms, frame in freeze.play(frames, clip.fps, START_MS):
        vision.feed(frame, at_ms)
        for event in vision.events:
            if event.kind != "stopped_vehicle":
                continue
            if not _meets(event, freeze.cut, clip.size) or event.at_ms < START_MS + freeze.stops_ms:
                false += event.phase == "begin"
            elif event.phase == "begin" and raised is None:
                raised = event
            elif event.phase == "end" and raised is not None and (event.id, event.direction) == (raised.id, raised.direction):
                cleared_ms = event.at_ms
    raised_ms = None if raised is None else raised.at_ms - START_MS - freeze.stops_ms
    in_time = raised_ms is not None and raised_ms <= DWELL_S * 1000 + LATE_MS
    after_ms = None if cleared_ms is None else cleared_ms - START_MS - freeze.leaves_ms
    return {
        "clip": clip.name, "line": freeze.cut.line, "frame": freeze.cut.frame, "width": freeze.cut.size[0], "height": freeze.cut.size[1],
        "raised_s": raised_ms / 1000 if in_time and raised_ms is not None else None,
        "cleared_s": after_ms / 1000 if in_time and after_ms is not None and 0 <= after_ms <= LATE_MS else None,
        "false": false,
    }  # fmt: skip


def _meets(event: CameraEvent, cut: CutOut, size: tuple[int, int]) -> bool:
    """Whether the event's box and the vehicle have anything in common."""
    if event.box is None:
        return False
    left, top, right, bottom = (share * side for share, side in zip(event.box, (*size, *size), strict=True))
    return left < cut.left + cut.size[0] and right > cut.left and top < cut.top + cut.size[1] and bottom > cut.top


def _false(clip: TrueClip, frames: list[Grey], play: Play) -> int:
    """Stopped vehicles told in the clip as it is, played in a loop for a minute, or twice."""
    play.progress(f"stops: {clip.name} as it is")
    vision, false = CameraVision(clip.geometry), 0
    for k in range(max(2 * len(frames), round(LOOP_MS / 1000 * clip.fps))):
        vision.feed(frames[k % len(frames)], START_MS + round(k * 1000 / clip.fps))
        false += sum(event.kind == "stopped_vehicle" and event.phase == "begin" for event in vision.events)
    return false
