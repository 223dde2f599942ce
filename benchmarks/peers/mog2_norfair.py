"""Counting by background subtraction and tracking: OpenCV's MOG2 on the whole frame, blobs, norfair's tracker, a line test per track.

A script for a virtual environment of its own (norfair needs numpy below 2): reads a plan as JSON from the file named by its argument,
`{"clip", "fps", "passes", "lines": {name: {"line": [x1, y1, x2, y2], "direction_vector": [x, y]}}}`, and prints
`{"passes": [{name: [frames]}], "ms": processor milliseconds a frame}`.

Settings are the usual ones: frames 320 wide, MOG2 history 500 and threshold 16, shadows dropped, opening and closing, blobs from 0.15 % of
the frame, Euclidean distance up to a tenth of the width.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH = 320


def centres(frame: Any, subtractor: Any) -> list[tuple[float, float]]:  # noqa: ANN401  # this file is run without the project's types
    """Centres of moving blobs, in pixels of a frame WIDTH wide."""
    mask: Any = np.where(subtractor.apply(frame) == 255, 255, 0).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = [cv2.boundingRect(c) for c in contours if cv2.contourArea(c) > 0.0015 * mask.size]
    return [(x + w / 2, y + h / 2) for x, y, w, h in boxes]


def side(line: list[float], x: float, y: float) -> float:
    """Positive on one side of the line through its two points."""
    return (line[2] - line[0]) * (y - line[1]) - (line[3] - line[1]) * (x - line[0])


def crosses(line: dict[str, Any], before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether the step from `before` to `after` crosses the line within its ends, along its direction."""
    ends = line["line"]
    step = (after[0] - before[0], after[1] - before[1])
    if step[0] * line["direction_vector"][0] + step[1] * line["direction_vector"][1] <= 0:
        return False
    if side(ends, *before) * side(ends, *after) > 0:
        return False
    along = (ends[2] - ends[0], ends[3] - ends[1])
    share = ((after[0] - ends[0]) * along[0] + (after[1] - ends[1]) * along[1]) / (along[0] ** 2 + along[1] ** 2)
    return bool(-0.02 <= share <= 1.02)


def main(plan: dict[str, Any]) -> dict[str, Any]:
    """Play the clip and count."""
    from norfair import Detection, Tracker  # type: ignore[import-not-found]  # is not installed where this is checked

    cv2.setNumThreads(1)
    subtractor = cv2.createBackgroundSubtractorMOG2(history=500, varThreshold=16, detectShadows=True)
    tracker = Tracker(distance_function="euclidean", distance_threshold=WIDTH / 10, hit_counter_max=8, initialization_delay=2)
    passes: list[dict[str, list[int]]] = []
    places: dict[int, tuple[float, float]] = {}
    counted: set[tuple[int, str]] = set()
    frames, begun = 0, time.process_time()
    for _ in range(plan["passes"]):
        passes.append({name: [] for name in plan["lines"]})
        capture, number = cv2.VideoCapture(plan["clip"]), 0
        while True:
            got, frame = capture.read()
            if not got:
                break
            scale = frame.shape[1] / WIDTH
            grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            small = cv2.resize(grey, (WIDTH, round(frame.shape[0] / scale)), interpolation=cv2.INTER_AREA)
            tracks = tracker.update([Detection(np.array([[x, y]])) for x, y in centres(small, subtractor)])
            for track in tracks:
                here = (float(track.estimate[0][0] * scale), float(track.estimate[0][1] * scale))
                before = places.get(track.id)
                places[track.id] = here
                for name, line in plan["lines"].items():
                    if before is not None and (track.id, name) not in counted and crosses(line, before, here):
                        counted.add((track.id, name))
                        passes[-1][name].append(number)
            number += 1
        frames += number
    return {"passes": passes, "ms": (time.process_time() - begun) * 1000 / max(frames, 1)}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
