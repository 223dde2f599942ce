"""How fast, and how far sideways, what is on the line travels: its patch of the difference, found again in frames before and after.

Lags of one to eight frames: what crawls moves less than a cell in one frame, and sub-cell peaks lock to zero there, so longer lags weigh
more; what is fast has left the strip after two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.strip import UNIT_CELLS

LAGS = (-8, -4, -2, -1, 1, 2, 4, 8)
HALF_PATCH = round(0.6 * UNIT_CELLS)
SIDEWAYS = 3
"""Columns that a patch may drift to either side within a lag."""
SURE = 0.5
"""Correlation from here on counts."""
FLAT = 1.0
"""A patch whose standard deviation is below this shows nothing that could be found again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Cells per second along the travel (negative: against it) and along the line."""

    rows_s: float
    columns_s: float


def pace(differences: NDArray[np.int8], times_ms: Sequence[int], frame: int, column: float) -> Pace | None:
    """Pace of the patch on the line at `column` in `differences[frame]` (frames, rows, columns); None where nothing is found again."""
    high, wide = differences.shape[1:]
    top, left = high // 2 - HALF_PATCH, max(0, round(column) - HALF_PATCH)
    right = min(wide, round(column) + HALF_PATCH + 1)
    patch = differences[frame, top : high // 2 + HALF_PATCH + 1, left:right].astype(np.float32)
    if right - left < 3 or float(patch.std()) < FLAT:
        return None
    first, last = max(0, left - SIDEWAYS), min(wide, right + SIDEWAYS)
    along = across = weights = 0.0
    for lag in LAGS:
        if not 0 <= frame + lag < len(differences):
            continue
        found = best_place(differences[frame + lag, :, first:last].astype(np.float32), patch)
        if found is None:
            continue
        sure, row, moved = found
        span_s = (times_ms[frame + lag] - times_ms[frame]) / 1000
        along += sure * (row - top) * span_s
        across += sure * (moved - (left - first)) * span_s
        weights += sure * span_s * span_s
    return Pace(along / weights, across / weights) if weights > 0 else None


def best_place(picture: NDArray[np.float32], patch: NDArray[np.float32]) -> tuple[float, float, int] | None:
    """(weight, row with its fraction, column) of the place most like `patch`; its edge is nobody's peak."""
    scores = np.asarray(cv2.matchTemplate(picture, patch, cv2.TM_CCOEFF_NORMED))
    _, best, _, (x, y) = cv2.minMaxLoc(scores)
    if not SURE <= best <= 1.01 or y in (0, scores.shape[0] - 1):
        return None
    before, here, after = (float(scores[y + o, x]) for o in (-1, 0, 1))
    bend = before - 2 * here + after
    part = 0.5 * (before - after) / bend if bend < -1e-6 else 0.0
    return best * best, y + part, int(x)


def ellipses(span_s: float, columns: float, paces: Sequence[Pace], half: tuple[float, float]) -> float:
    """How far apart two places on the line are, in ellipses of `half` (rows, columns) that travel at the mean of `paces`."""
    rows_s = max(abs(sum(p.rows_s for p in paces)) / len(paces), 0.5)
    drift = sum(p.columns_s for p in paces) / len(paces)
    return math.hypot((columns - drift * span_s) / half[1], span_s * rows_s / half[0])
