"""Real vehicles cut out of the clips of a folder: where the truth says that one crosses a line, what differs from the clip's own median."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.cameras.render import Card
from simulators.cameras.truth import TrueClip, read_truth

Grey = NDArray[np.uint8]

MEDIAN_FRAMES = 41
LEAST_PX = 22
DIFFERENT_GREY = 22
MOST_A_CLIP = 12
CAR_WIDTH_M, CAR_HEIGHT_M, DEEPEST_M = 1.8, 1.45, 2.6
SLIMMEST, BROADEST = 0.6, 1.5  # height over width: seen from the front or from behind


def cut_outs(data: Path) -> list[Card]:
    """Cards of cars, seen from the front or from behind, as wide as a car; what is taller than one leans back (its roof is seen too)."""
    return [card for clip in read_truth(data).clips for card in _of_clip(clip)]


def _of_clip(clip: TrueClip) -> Iterator[Card]:
    frames = _frames(clip.path)
    if len(frames) < MEDIAN_FRAMES:
        return
    empty = np.median(np.stack(frames[:: max(1, len(frames) // MEDIAN_FRAMES)]), axis=0).astype(np.uint8)
    found = 0
    for line in clip.lines:
        middle = ((line.line[0] + line.line[2]) / 2, (line.line[1] + line.line[3]) / 2)
        reach = math.hypot(line.line[2] - line.line[0], line.line[3] - line.line[1]) / 2
        for at in line.frames:
            card = _vehicle(frames, round(at) + round(clip.fps * 0.2), empty, middle, reach)
            if card is not None and found < MOST_A_CLIP:
                found += 1
                yield card


def _vehicle(frames: list[Grey], at: int, empty: Grey, middle: tuple[float, float], reach: float) -> Card | None:
    """The largest whole vehicle near the line in frame `at`."""
    if at >= len(frames):
        return None
    frame = frames[at]
    different = cv2.GaussianBlur(cv2.absdiff(frame, empty), (0, 0), 1.0) > DIFFERENT_GREY
    solid = cv2.morphologyEx(different.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    _, labels, boxes, centres = cv2.connectedComponentsWithStats(solid)
    near = np.hypot(centres[:, 0] - middle[0], centres[:, 1] - middle[1]) < reach
    parts = [(box, i) for i, box in enumerate(np.asarray(boxes).tolist()) if i and near[i] and _is_vehicle(box, frame.shape)]
    if not parts:
        return None
    (x, y, w, h, _), label = max(parts, key=lambda part: part[0][4])
    opaque = cv2.GaussianBlur((labels[y : y + h, x : x + w] == label).astype(np.float32), (0, 0), 0.8)
    slant = CAR_WIDTH_M * h / w
    high = min(CAR_HEIGHT_M, slant)
    deep = min(DEEPEST_M, math.sqrt(max(slant**2 - high**2, 0.0)))
    return Card(frame[y : y + h, x : x + w].astype(np.float32), np.asarray(opaque, np.float32), CAR_WIDTH_M, high, deep)


def _is_vehicle(box: list[int], shape: tuple[int, ...]) -> bool:
    """Whole in the picture, and of a car's shape from the front or from behind."""
    x, y, w, h, area = box
    whole = x > 1 and y > 1 and x + w < shape[1] - 1 and y + h < shape[0] - 1
    return whole and SLIMMEST < h / w < BROADEST and min(w, h) >= LEAST_PX and area > 0.55 * w * h


def _frames(path: Path) -> list[Grey]:
    reader = cv2.VideoCapture(str(path))
    frames: list[Grey] = []
    while True:
        there, frame = reader.read()
        if not there:
            break
        frames.append(np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8))
    reader.release()
    return frames
