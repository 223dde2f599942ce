"""NAB's published scoring, standard profile (Lavin & Ahmad 2015, arXiv 1510.03336; constants of the benchmark's own code).

Within a window the earliest detection counts, by a sigmoid of its place: 1 at the window's start, 0 at its end. A detection outside
costs 0.11 times the same sigmoid of how far past the last window it is, in lengths of that window; a window without detection costs 1. The
first 15 % of a file, at most 750 rows, are probation. Score = 100 · (raw − null) / (perfect − null), null being what says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

FALSE_ALARM, MISS = 0.11, 1.0
_PROBATION_SHARE, _PROBATION_ROWS = 0.15, 750
_FAR = 3.0

Window = tuple[int, int]
"""First and last row."""


def scaled_sigmoid(place: float) -> float:
    """1 far before, 0 at the end of a window, −1 beyond three lengths after it."""
    return -1.0 if place > _FAR else 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0


def probation(rows: int) -> int:
    """Rows at the beginning in which nothing counts."""
    return min(int(_PROBATION_SHARE * rows), _PROBATION_ROWS)


def raw_score(detections: Iterable[int], rows: int, windows: Sequence[Window]) -> float:
    """Of one file. `detections` are rows in order."""
    score, hit = 0.0, set()
    for row in detections:
        if row < probation(rows):
            continue
        inside = next((w for w in windows if w[0] <= row <= w[1]), None)
        if inside is None:
            before = [w for w in windows if w[1] < row]
            score += FALSE_ALARM * (_past(row, before[-1]) if before else -1.0)
        elif inside not in hit:
            hit.add(inside)
            score += scaled_sigmoid(-(inside[1] - row + 1) / (inside[1] - inside[0] + 1)) / scaled_sigmoid(-1.0)
    return score - MISS * (len(windows) - len(hit))


def _past(row: int, window: Window) -> float:
    return scaled_sigmoid((row - window[1]) / max(window[1] - window[0], 1))


def normalised(raw: float, windows: int) -> float:
    """100 for all found at once, 0 for nothing said."""
    null = -MISS * windows
    return 100.0 * (raw - null) / (windows - null) if windows else float("nan")
