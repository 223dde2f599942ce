"""Vehicles in a slit picture (position on the line x time): connected evidence, cut where the level falls between two peaks.

The threshold rises in steps; two parts are two vehicles when the level that joins them is below SADDLE of the smaller peak and they
lie outside each other's ellipse of NEAR_LANES across and NEAR_M along (metres travelled at the line: time standing still counts nothing).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True)
class Slit:
    """Evidence (rows = time, columns = along the line), metres travelled up to each cell (same shape, growing with the rows), scale."""

    picture: Floats
    travelled_m: Floats
    lane_cells: float


def vehicles(slit: Slit) -> list[Blob]:
    """The blobs of `slit`."""
    if slit.picture.size == 0 or float(slit.picture.max()) < BASE:
        return []
    found: list[Blob] = []
    for part in _parts(slit.picture, BASE):
        found += _cut(part, slit, BASE * STEP)
    return found


class _Part:
    """A connected piece: a window of the slit with everything else set to zero, and its peak."""

    __slots__ = ("left", "level", "peak_at", "picture", "top")

    def __init__(self, top: int, left: int, picture: Floats) -> None:
        self.top, self.left, self.picture = top, left, picture
        row, column = divmod(int(picture.argmax()), picture.shape[1])
        self.peak_at = (top + row, left + column)
        self.level = float(picture[row, column])


def _parts(picture: Floats, level: float, top: int = 0, left: int = 0) -> list[_Part]:
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((picture > level).astype(np.uint8), connectivity=8)
    parts = []
    for i, (x, y, w, h, area) in enumerate(np.asarray(boxes).tolist()):
        if i > 0 and area >= LEAST_CELLS:
            window = np.where(labels[y : y + h, x : x + w] == i, picture[y : y + h, x : x + w], 0).astype(np.float32)
            parts.append(_Part(top + y, left + x, window))
    return parts


def _cut(part: _Part, slit: Slit, level: float) -> list[Blob]:
    """Raise the threshold until the part falls into significant pieces, or is one vehicle."""
    while level < part.level and not _small(part, slit):
        pieces = _parts(part.picture, level, part.top, part.left)
        strong = [p for p in pieces if level / STEP < SADDLE * p.level]
        if len(strong) > 1 and _apart(strong, slit):
            return [blob for piece in _kept(strong, slit) for blob in _cut(piece, slit, level * STEP)]
        level *= STEP
    return [_blob(part)]


def _small(part: _Part, slit: Slit) -> bool:
    """Too small for two vehicles side by side or one behind the other."""
    high, wide = part.picture.shape
    column = part.left + wide // 2
    along = float(slit.travelled_m[part.top + high - 1, column] - slit.travelled_m[part.top, column])
    return wide <= NEAR_LANES * slit.lane_cells and along <= NEAR_M


def _apart(pieces: list[_Part], slit: Slit) -> bool:
    return len(_kept(pieces, slit)) > 1


def _kept(pieces: list[_Part], slit: Slit) -> list[_Part]:
    """The strongest pieces that lie outside each other's ellipse."""
    kept: list[_Part] = []
    for piece in sorted(pieces, key=lambda p: -p.level):
        if all(_distance(piece, other, slit) > 1 for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda p: (p.top, p.left))


def _distance(a: _Part, b: _Part, slit: Slit) -> float:
    """In ellipses."""
    (row_a, col_a), (row_b, col_b) = _centre(a), _centre(b)
    across = (col_a - col_b) / (NEAR_LANES * slit.lane_cells)
    middle = round((col_a + col_b) / 2)
    along = float(slit.travelled_m[round(row_a), middle] - slit.travelled_m[round(row_b), middle]) / NEAR_M
    return float(np.hypot(across, along))


def _centre(part: _Part) -> tuple[float, float]:
    weight = part.picture
    total = float(weight.sum())
    rows, columns = weight.sum(axis=1), weight.sum(axis=0)
    return part.top + float(rows @ np.arange(len(rows))) / total, part.left + float(columns @ np.arange(len(columns))) / total


def _blob(part: _Part) -> Blob:
    body = part.picture > max(BASE, 0.35 * part.level)
    widths = body.sum(axis=1)
    rows, columns = np.flatnonzero(widths), np.flatnonzero(body.any(axis=0))
    width = float(np.sort(widths[rows])[rows.size // 2])
    middle = part.left + float(columns.mean())
    return Blob(part.level, part.peak_at[0], middle, part.top + int(rows[0]), part.top + int(rows[-1]), width)
