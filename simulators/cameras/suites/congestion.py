"""Congestion state of every carriageway against what people saw: free, slow or jam, after six seconds of the second pass.

Each clip is played twice without a pause; the state of a carriageway is the one that held most of the time from six seconds into the
second pass to its end. Taking a jam for a free road, or the reverse, is counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from city_model.faults import Unavailable
from edge_agent.cameras.play import Clip
from simulators.cameras.suites.port import Figure, Play, Row, SuiteReport
from simulators.cameras.truth import TrueClip, TrueState, read_truth
from stream_processor.core.vision.camera import CameraVision
from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Point

SETTLED_MS = 6_000
PASSES = 2
WRONG_SHARE_GOAL, WRONG_SHARE_MINIMUM = 0.0, 1 / 30
"""None wrong; or one of 40, two of 60."""


def run(play: Play) -> SuiteReport:
    """Every carriageway whose state is known."""
    truth = read_truth(play.data)
    if not truth.states:
        raise Unavailable(f"{play.data}: no clip with known congestion states")
    rows: list[Row] = []
    for clip in truth.states:
        play.progress(f"congestion: {clip.name}")
        rows += _judge(clip, truth.clips)
    return SuiteReport("congestion", tuple(rows), tuple(_figures(rows)))


def _figures(rows: list[Row]) -> Iterator[Figure]:
    wrong = [row for row in rows if row["seen"] != row["truth"]]
    swapped = sum({row["seen"], row["truth"]} == {"free", "jam"} for row in wrong)
    yield Figure("carriageways", len(rows))
    yield Figure("wrong", len(wrong), WRONG_SHARE_GOAL, round(WRONG_SHARE_MINIMUM * len(rows)), better="lower")
    yield Figure("free taken for jam or jam for free", swapped, 0, 0, better="lower")


def _judge(clip: TrueState, counted: tuple[TrueClip, ...]) -> Iterator[Row]:
    """The states that prevailed in one clip."""
    film = Clip(clip.path)
    vision: CameraVision | None = None
    held: dict[str, Counter[str]] = {way: Counter() for way, _, _ in clip.ways}
    begins_ms: int | None = None
    for played in film.play(PASSES):
        if vision is None:
            vision = CameraVision(geometry(clip, counted, (played.picture.shape[1], played.picture.shape[0])), sample_every_s=1.0)
        if played.pass_ == PASSES and begins_ms is None:
            begins_ms = played.at_ms
        for sample in vision.feed(played.picture, played.at_ms):
            if begins_ms is not None and sample.at_ms >= begins_ms + SETTLED_MS:
                held[sample.direction][str(sample.state)] += 1
    for way, _, truth in clip.ways:
        if truth:
            seen = held[way].most_common(1)[0][0] if held[way] else "unknown"
            yield {"clip": clip.name, "way": way, "night": int(clip.is_night), "truth": truth, "seen": seen}


def geometry(clip: TrueState, counted: tuple[TrueClip, ...], size: tuple[int, int]) -> CameraGeometry:
    """Carriageways of one clip. They run as the counting line of the same name of this camera does, else along the polygon."""
    camera = clip.name.split("/")[0]
    vectors = {line.name: line.direction_vector for one in counted if one.name.split("/")[0] == camera for line in one.lines}
    ways = tuple(Carriageway(way, polygon, vectors.get(way) or _along(polygon)) for way, polygon, _ in clip.ways)
    return CameraGeometry(size, ways)


def _along(polygon: tuple[Point, ...]) -> Point:
    """Up or down the picture where nobody said: speeds are judged by their size."""
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    return (0.0, 1.0) if max(ys) - min(ys) >= max(xs) - min(xs) else (1.0, 0.0)
