"""How predicted crossings are compared with the true ones.

A count inside [count, count_max + motorcycles] has error 0, outside it the distance to it. Accuracy is 1 - sum of errors / sum of counts.
Events match one to one within TOLERANCE_S, in the order of time. As many unmatched events as a line's range allows are no false ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True)
class LineScore:
    """One line: vehicles from `low` to `high`, `found` counted, `error` vehicles wrong, `matched` events, `judged` events that precision
    is measured over."""

    low: int
    high: int
    found: int
    error: int
    matched: int
    judged: int


@dataclass(frozen=True, slots=True)
class Total:
    """All lines together; shares from 0 to 1 (accuracy may be negative)."""

    lines: int
    exact: int
    events: int
    accuracy: float
    precision: float
    recall: float
    f1: float


def matched(truth: Iterable[float], predicted: Iterable[float], tolerance: float) -> int:
    """Number of one-to-one pairs not farther apart than `tolerance`, in its unit."""
    true, told = sorted(truth), sorted(predicted)
    i = j = pairs = 0
    while i < len(true) and j < len(told):
        if abs(told[j] - true[i]) <= tolerance:
            pairs, i, j = pairs + 1, i + 1, j + 1
        elif told[j] < true[i]:
            j += 1
        else:
            i += 1
    return pairs


def score_line(truth: Sequence[float], low: int, high: int, predicted: Sequence[float], tolerance: float) -> LineScore:
    """`truth` and `predicted` are frames, `tolerance` is in frames too; `high` includes motorcycles."""
    found = len(predicted)
    pairs = matched(truth, predicted, tolerance)
    allowed = max(0, min(high - low, found - pairs))
    return LineScore(low, high, found, max(low - found, found - high, 0), pairs, found - allowed)


def total(lines: Sequence[LineScore]) -> Total:
    """The lines' scores as one."""
    events, pairs = sum(line.low for line in lines), sum(line.matched for line in lines)
    judged = sum(line.judged for line in lines)
    recall, precision = pairs / max(events, 1), pairs / max(judged, 1)
    accuracy = 1 - sum(line.error for line in lines) / max(events, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return Total(len(lines), sum(line.error == 0 for line in lines), events, accuracy, precision, recall, f1)
