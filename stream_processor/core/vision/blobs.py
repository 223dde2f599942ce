"""Vehicles in a slit picture (position on the line x time): connected evidence, cut where the level falls between two peaks.

The threshold rises in steps; two parts are two vehicles when the level that joins them is below SADDLE of the smaller peak and they
lie outside each other's ellipse of NEAR_LANES across and NEAR_M along (metres travelled at the line: time standing still counts nothing).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.strip import LANE_CELLS

BASE = 12.0
STEP = 1.15
SADDLE = 0.65
NEAR_LANES = 0.6
NEAR_M = 3.4
LEAST_CELLS = 6

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Blob:
    """One vehicle: rows (time) and columns of its peak and extent in the slit picture, both ends included."""

    peak: float
    peak_row: int
    column: float
    first_row: int
    last_row: int
    width_cells: float


def vehicles(slit: Floats, travelled_m: Floats) -> list[Blob]:
    """The blobs of `slit` (rows = time, columns = along the line); `travelled_m` has the same shape and grows with the rows."""
    if slit.size == 0 or float(slit.max()) < BASE:
        return []
    found: list[Blob] = []
    for part in _parts(slit, BASE):
        found += _cut(part, travelled_m, BASE * STEP)
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """A connected piece: a window of the slit with everything else set to zero."""

    top: int
    left: int
    picture: Floats

    def peak(self) -> tuple[int, int, float]:
        row, column = divmod(int(self.picture.argmax()), self.picture.shape[1])
        return self.top + row, self.left + column, float(self.picture[row, column])


def _parts(picture: Floats, level: float, top: int = 0, left: int = 0) -> list[_Part]:
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((picture > level).astype(np.uint8), connectivity=8)
    parts = []
    for i in range(1, count):
        x, y, w, h, area = (int(v) for v in np.asarray(boxes[i]).ravel())
        if area >= LEAST_CELLS:
            window = np.where(labels[y : y + h, x : x + w] == i, picture[y : y + h, x : x + w], 0).astype(np.float32)
            parts.append(_Part(top + y, left + x, window))
    return parts


def _cut(part: _Part, travelled_m: Floats, level: float) -> list[Blob]:
    """Raise the threshold until the part falls into significant pieces, or is one vehicle."""
    row, column, peak = part.peak()
    while level < peak:
        pieces = _parts(part.picture, level, part.top, part.left)
        strong = [p for p in pieces if level / STEP < SADDLE * p.peak()[2]]
        if len(strong) > 1 and _apart(strong, travelled_m):
            return [blob for piece in _kept(strong, travelled_m) for blob in _cut(piece, travelled_m, level * STEP)]
        level *= STEP
    return [_blob(part, row, column, peak)]


def _apart(pieces: list[_Part], travelled_m: Floats) -> bool:
    return len(_kept(pieces, travelled_m)) > 1


def _kept(pieces: list[_Part], travelled_m: Floats) -> list[_Part]:
    """The strongest pieces that lie outside each other's ellipse."""
    kept: list[_Part] = []
    for piece in sorted(pieces, key=lambda p: -p.peak()[2]):
        if all(_distance(piece, other, travelled_m) > 1 for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda p: (p.top, p.left))


def _distance(a: _Part, b: _Part, travelled_m: Floats) -> float:
    """In ellipses."""
    (row_a, col_a), (row_b, col_b) = _centre(a), _centre(b)
    across = (col_a - col_b) / (NEAR_LANES * LANE_CELLS)
    middle = round((col_a + col_b) / 2)
    along = float(travelled_m[round(row_a), middle] - travelled_m[round(row_b), middle]) / NEAR_M
    return float(np.hypot(across, along))


def _centre(part: _Part) -> tuple[float, float]:
    weight = part.picture
    total = float(weight.sum())
    rows, columns = weight.sum(axis=1), weight.sum(axis=0)
    return part.top + float(rows @ np.arange(len(rows))) / total, part.left + float(columns @ np.arange(len(columns))) / total


def _blob(part: _Part, row: int, column: int, peak: float) -> Blob:
    body = part.picture > max(BASE, 0.35 * peak)
    rows, columns = np.flatnonzero(body.any(axis=1)), np.flatnonzero(body.any(axis=0))
    width = float(np.median(body[body.any(axis=1)].sum(axis=1)))
    return Blob(
        peak, row, part.left + float(columns.mean()), part.top + int(rows[0]), part.top + int(rows[-1]), width,
    )  # fmt: skip
