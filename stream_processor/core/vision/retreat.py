"""Whether what crossed a line backwards really did: its patch followed over longer and longer times, and the order in which it came.

Blobs that seem to travel against the traffic have other reasons too: a camera that shakes, a pattern that repeats, a shadow's edge.
A vehicle's patch lies ever farther back the longer one waits, before the line as behind it, and covers what lies beyond the line first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.pace import FLAT, HALF_PATCH, SIDEWAYS, best_place

STEPS = (1, 2, 4, 8, 16, 24)
"""Frames between which a patch is looked for; only as far as it stays in the strip at its pace."""
USUAL_STEP, SEEN_CELLS = 8, 2.0
"""Longer steps are for who has not come even this far: after half a second or more another vehicle may look alike."""
REACH_CELLS = 10.0
LEAST_AGREE, AGREE_SHARE = 3, 0.75
OFF_CELLS, OFF_SHARE = 1.5, 0.4
"""How far from where its pace takes it a patch may be found."""
LEAST_CELLS = 4.0
"""What a patch has to travel, before and behind the line together: nearly a metre. A car's width is nine."""
CREEPING_CELLS, CREEPING_AGREE = 2.0, 5
"""Half of that will do where so many places agree and none does not: who creeps along does not come farther."""


def drove_back(differences: NDArray[np.int8], times_ms: Sequence[int], frame: int, column: float, rows_s: float) -> bool:
    """Whether the patch on the line at `column` in `differences[frame]` (frames, rows, columns) travels at `rows_s` < 0 all the time."""
    found = _followed(differences, times_ms, frame, column, rows_s)
    agree = [(span_s, rows) for span_s, rows in found if abs(rows - rows_s * span_s) <= OFF_CELLS + OFF_SHARE * abs(rows_s * span_s)]
    if len(agree) < LEAST_AGREE or len(agree) < AGREE_SHARE * len(found):
        return False
    before, behind = (max((-sign * rows for span_s, rows in agree if sign * span_s > 0), default=0.0) for sign in (-1, 1))
    creeps = len(agree) == len(found) >= CREEPING_AGREE
    return before > 0 and behind > 0 and before + behind >= (CREEPING_CELLS if creeps else LEAST_CELLS)


def _followed(
    differences: NDArray[np.int8], times_ms: Sequence[int], frame: int, column: float, rows_s: float
) -> list[tuple[float, float]]:
    """(seconds, rows along the travel) between this place and each other in which the patch was found for sure."""
    high, wide = differences.shape[1:]
    top, left = high // 2 - HALF_PATCH, max(0, round(column) - HALF_PATCH)
    right = min(wide, round(column) + HALF_PATCH + 1)
    patch = differences[frame, top : high // 2 + HALF_PATCH + 1, left:right].astype(np.float32)
    if right - left < 3 or float(patch.std()) < FLAT:
        return []
    first, last = max(0, left - SIDEWAYS), min(wide, right + SIDEWAYS)
    found: list[tuple[float, float]] = []
    for lag in (sign * step for sign in (-1, 1) for step in STEPS):
        if not 0 <= frame + lag < len(differences):
            continue
        span_s = (times_ms[frame + lag] - times_ms[frame]) / 1000
        came = max((abs(rows) for other_s, rows in found if other_s * lag > 0), default=0.0)
        if abs(rows_s * span_s) > REACH_CELLS or (abs(lag) > USUAL_STEP and came >= SEEN_CELLS):
            continue
        place = best_place(differences[frame + lag, :, first:last].astype(np.float32), patch)
        if place is not None:
            found.append((span_s, place[1] - top))
    return found
