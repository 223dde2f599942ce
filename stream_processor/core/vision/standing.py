"""One standing vehicle, and whether it is one of a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stream_processor.core.vision.still import Mask

SOLID_SHARE = 0.3
"""Of its bounding box: what is thinner is not one thing."""
SEEN_SHARE = 0.5
"""What stands is seen most of the time, whoever passes before it."""
QUEUE_VEHICLES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """One standing vehicle: where (a mask of the grid), since when, in how many `looks` since it was found it was `seen`, how many of
    them somebody drove by in, and whether it has been told (`id` >= 0).
    """

    cells: Mask
    since_ms: int
    seen_ms: int
    found_ms: int
    seen: int = 1
    looks: int = 1
    passed: int = 0
    id: int = -1


def in_queue(stop: Stop, stops: Sequence[Stop]) -> bool:
    """Whether it is one of QUEUE_VEHICLES of `stops` that stand no farther apart than the longer of two neighbours is long."""
    line = [stop]
    rest = [other for other in stops if other is not stop and other.seen >= SEEN_SHARE * other.looks]
    for one in line:
        near = [other for other in rest if _apart(one, other) <= max(_length(one), _length(other))]
        rest = [other for other in rest if other not in near]
        line += near
    return len(line) >= QUEUE_VEHICLES


def is_solid(cells: Mask) -> bool:
    """Whether it fills its bounding box as one thing does."""
    _, _, width, height = cv2.boundingRect(cells.view(np.uint8))
    return bool(np.count_nonzero(cells) >= SOLID_SHARE * width * height)


def _bounds(stop: Stop) -> tuple[int, int, int, int]:
    """First row and column, and those after the last."""
    left, top, width, height = cv2.boundingRect(stop.cells.astype(np.uint8))
    return top, left, top + height, left + width


def _length(stop: Stop) -> int:
    """Its longer side, cells."""
    top, left, bottom, right = _bounds(stop)
    return max(bottom - top, right - left)


def _apart(one: Stop, other: Stop) -> int:
    """Cells between two, along the grid's farther axis."""
    a, b = _bounds(one), _bounds(other)
    return max(max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3]))
