"""Camera health: faults put into clean clips have to be named within ten seconds, and healthy cameras left alone.

Every clip is played in a loop; after some seconds one fault begins. It is named right when a sample's health, ten seconds later at the
latest, is its word and none before said another fault. Clean clips are played twice as they are, with jumps of the exposure, and shaken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from city_model.faults import Unavailable
from simulators.cameras.sick import FAULTS, Grey, Stream, exposure_jumps, fall_ill, shaken
from simulators.cameras.suites.port import Figure, Play, Row, SuiteReport
from simulators.cameras.truth import read_truth
from stream_processor.core.vision.health import Health, HealthWatch

SPAN_MS = 5_000
NAMED_MS = 10_000
CLEAN_MS = (8_000, 16_000)  # before a fault begins
LONGEST_S = 20.0  # of a clip
START_MS = 1_764_000_000_000

Clean = tuple[str, Callable[[Stream, np.random.Generator], Stream]]
CLEAN: tuple[Clean, ...] = (
    ("as it is", lambda frames, _: frames),
    ("exposure", lambda frames, rng: exposure_jumps(frames, 4_000, rng)),
    ("shaken", lambda frames, rng: shaken(frames, 0.004, rng)),
)


def run(play: Play) -> SuiteReport:
    """Every fault in every clip."""
    rows: list[Row] = []
    for number, path in enumerate(_paths(play.data)):
        name = str(path.relative_to(play.data))
        play.progress(f"health: {name}")
        frames, fps = _read(path)
        row: Row = {"clip": name}
        for order, (kind, change) in enumerate(CLEAN):
            rng = np.random.default_rng([play.seed, number, order])
            row[kind] = " ".join(sorted(_false(change(_loop(frames, fps, 2 * len(frames) / fps), rng)))) or "ok"
        for order, fault in enumerate(FAULTS):
            row[fault] = _named(frames, fps, fault, np.random.default_rng([play.seed, number, 10 + order]))
        rows.append(row)
    return SuiteReport("health", tuple(rows), tuple(_figures(rows)))


def _figures(rows: list[Row]) -> Iterator[Figure]:
    said = [(fault, row[fault]) for row in rows for fault in FAULTS]
    yield Figure("named right within 10 s", sum(fault == word for fault, word in said) / len(said), 0.95, 0.9)
    yield Figure("clean clips with a false fault", sum(row[kind] != "ok" for row in rows for kind, _ in CLEAN), 0, 0, better="lower")
    yield Figure("faults put in", len(said))
    yield Figure("clean clips", len(rows) * len(CLEAN))


def _named(frames: list[Grey], fps: float, fault: Health, rng: np.random.Generator) -> str:
    """The first fault that a sample names, or "ok"."""
    from_ms = START_MS + int(rng.integers(*CLEAN_MS))
    stream = fall_ill(_loop(frames, fps, (from_ms - START_MS + NAMED_MS) / 1000), fault, from_ms, rng)
    return next((word for _, word in _words(stream, from_ms + NAMED_MS) if word != "ok"), "ok")


def _false(stream: Stream) -> set[str]:
    return {word for _, word in _words(stream, None) if word != "ok"}


def _words(stream: Stream, until_ms: int | None) -> Iterator[tuple[int, Health]]:
    """The health at the end of every sample; up to `until_ms` also where no frame comes."""
    watch, end_ms, last_ms = HealthWatch(), 0, 0
    for at_ms, frame in stream:
        end_ms = end_ms or (at_ms // SPAN_MS + 1) * SPAN_MS
        while at_ms >= end_ms:
            yield end_ms, watch.verdict(end_ms, SPAN_MS)
            end_ms += SPAN_MS
        watch.look(frame, at_ms)
        last_ms = at_ms
    for at_ms in range(end_ms, (until_ms or last_ms) + 1, SPAN_MS):
        yield at_ms, watch.verdict(at_ms, SPAN_MS)


def _loop(frames: list[Grey], fps: float, seconds: float) -> Stream:
    for i in range(round(seconds * fps)):
        yield START_MS + round(i * 1000 / fps), frames[i % len(frames)]


def _read(path: Path) -> tuple[list[Grey], float]:
    """The first LONGEST_S of a clip."""
    reader = cv2.VideoCapture(str(path))
    fps = reader.get(cv2.CAP_PROP_FPS) or 25.0
    frames: list[Grey] = []
    while len(frames) < LONGEST_S * fps:
        there, frame = reader.read()
        if not there:
            break
        frames.append(np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8))
    reader.release()
    return frames, fps


def _paths(data: Path) -> list[Path]:
    truth = read_truth(data)
    paths = sorted({clip.path for clip in truth.clips} | {clip.path for clip in truth.states})
    if not paths:
        raise Unavailable(f"{data}: no clips to put faults into")
    return paths
