"""Vehicles in a slit picture (rows = time, columns = along the line): connected evidence, cut where the level falls between two peaks.

The threshold rises in steps; two parts are two vehicles when the level that joins them is below SADDLE of the smaller peak and they
lie outside each other's ellipse, measured along the way the patch between them travels: half a car's length and more than its width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.pace import Pace, ellipses

BASE = 12.0
STEP = 1.15
SADDLE = 0.65
LEAST_CELLS = 6
BODY = 0.35
"""What is above this share of a blob's peak is its body: where it begins and ends and how wide it is."""

Floats = NDArray[np.float32]


class Part:
    """A connected piece of a slit: a window with everything else set to zero, its peak and its centre (row, column of the slit)."""

    __slots__ = ("centre", "left", "level", "peak", "picture", "top")

    def __init__(self, top: int, left: int, picture: Floats) -> None:
        self.top, self.left, self.picture = top, left, picture
        row, column = divmod(int(picture.argmax()), picture.shape[1])
        self.level = float(picture[row, column])
        self.peak = (top + row, left + column)
        rows, columns = picture.sum(axis=1), picture.sum(axis=0)
        total = float(rows.sum())
        self.centre = (top + float(rows @ np.arange(len(rows))) / total, left + float(columns @ np.arange(len(columns))) / total)


@dataclass(frozen=True, slots=True)
class Slit:
    """What cutting needs: `at_s(row)` the time of a row, `pace_at(row, column)`, `half` the ellipse (rows of travel, columns)."""

    at_s: Callable[[float], float]
    pace_at: Callable[[int, int], Pace]
    half: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Blob:
    """One vehicle: rows and columns of its peak and extent in the slit picture, both ends included."""

    part: Part
    peak_row: int
    column: float
    first_row: int
    last_row: int
    width_cells: float
    pace: Pace


def components(picture: Floats, level: float, least: int = 1) -> Iterator[tuple[Part, NDArray[np.bool_]]]:
    """Connected pieces above `level`, with the mask of each within its window; none where there are fewer than `least`."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((picture > level).view(np.uint8), connectivity=8)
    found = [(i, box) for i, box in enumerate(np.asarray(boxes).tolist()) if i > 0 and box[4] >= LEAST_CELLS]
    if len(found) < least:
        return
    for i, (x, y, w, h, _) in found:
        mask = labels[y : y + h, x : x + w] == i
        yield Part(y, x, np.where(mask, picture[y : y + h, x : x + w], np.float32(0))), mask


def vehicles(part: Part, slit: Slit, level: float = BASE * STEP) -> list[Blob]:
    """Raise the threshold until `part` falls into vehicles, or is one."""
    while level < part.level:
        strong = []
        for piece, _ in components(part.picture, level, least=2):
            piece.top, piece.left = piece.top + part.top, piece.left + part.left
            piece.peak = (piece.peak[0] + part.top, piece.peak[1] + part.left)
            piece.centre = (piece.centre[0] + part.top, piece.centre[1] + part.left)
            if level / STEP < SADDLE * piece.level:
                strong.append(piece)
        if len(strong) > 1:
            apart = _apart(strong, slit)
            if len(apart) > 1:
                return [blob for piece in apart for blob in vehicles(piece, slit, level * STEP)]
        level *= STEP
    return [_blob(part, slit)]


def _apart(pieces: list[Part], slit: Slit) -> list[Part]:
    """The strongest pieces that lie outside each other's ellipse."""
    kept: list[Part] = []
    for piece in sorted(pieces, key=lambda p: -p.level):
        if all(_distance(piece, other, slit) >= 1 for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda p: (p.top, p.left))


def _distance(a: Part, b: Part, slit: Slit) -> float:
    paces = (slit.pace_at(*a.peak), slit.pace_at(*b.peak))
    span_s = slit.at_s(a.centre[0]) - slit.at_s(b.centre[0])
    return ellipses(span_s, a.centre[1] - b.centre[1], paces, slit.half)


def _blob(part: Part, slit: Slit) -> Blob:
    body = part.picture > max(BASE, BODY * part.level)
    widths = body.sum(axis=1)
    rows = np.flatnonzero(widths)
    width = float(np.sort(widths[rows])[rows.size // 2])
    return Blob(part, part.peak[0], part.centre[1], part.top + int(rows[0]), part.top + int(rows[-1]), width, slit.pace_at(*part.peak))
