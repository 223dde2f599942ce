"""Bias: from one reading to the next the level is another, and the neighbours know nothing of it.

Smoke comes over minutes and reaches others; an instrument that is knocked, dusty or newly powered jumps. A sensor that jumped to more than
twice its level stands under suspicion while two and more neighbours of its area report, none of this shows at the median of them, and it
has not come back; after six hours the new level is believed. Without neighbours nothing can be said.
"""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.groups import Groups, median_of_others
from stream_processor.core.sensors.memory import HOUR_MS, Memory
from stream_processor.core.sensors.port import Bools, Fault, Rows, Seen

FAULT = Fault.BIAS
_LONGEST_MS, _RECENT_MS = 6 * HOUR_MS, 900_000
_RATIO, _RESOLUTIONS, _SCALES = 1.0, 200.0, 10.0
"""A jump: by more than the level itself, 200 of the smallest steps (20 ug/m3) and ten usual steps."""
_BACK_RATIO, _BACK_RESOLUTIONS = 1.5, 100.0
_OTHERS = 2


def look(memory: Memory, seen: Seen) -> Bools:
    """Readings of sensors that jumped, where there are neighbours to ask."""
    rows = seen.rows
    suspected = memory["stepped_ms"][rows] > 0
    jumped = seen.is_known & memory["may_step"][rows] & (memory["neighbours"][rows] >= _OTHERS) & ~suspected
    if jumped.any():
        before = memory["last"][rows]
        bound = np.maximum(_RATIO * before + _RESOLUTIONS * memory["resolution"][rows], _SCALES * memory.usual_step(rows))
        jumped &= (seen.value - before > bound) & memory["is_healthy"][rows]
        memory["stepped_ms"][rows] = np.where(jumped, seen.at_ms, memory["stepped_ms"][rows])
        memory["stepped_from"][rows] = np.where(jumped, before, memory["stepped_from"][rows])
        suspected = suspected | jumped
    if suspected.any():
        back = seen.value <= _BACK_RATIO * memory["stepped_from"][rows] + _BACK_RESOLUTIONS * memory["resolution"][rows]
        over = suspected & (back | (seen.at_ms - memory["stepped_ms"][rows] > _LONGEST_MS))
        memory["stepped_ms"][rows[over]] = 0
        suspected = suspected & ~over
    return np.asarray(suspected)


def at_tick(memory: Memory, groups: Groups, now_ms: int) -> Rows:
    """Count the neighbours that report; believe the jump of one whose neighbours have risen too. Nobody is accused here."""
    for _, rows in groups.each(memory):
        fresh = rows[(now_ms - memory["last_ms"][rows] <= _RECENT_MS) & (memory["count"][rows] > 0)]
        memory["neighbours"][rows] = 0
        memory["neighbours"][fresh] = len(fresh) - 1
        if len(fresh) <= _OTHERS or not (memory["stepped_ms"][fresh] > 0).any():
            continue
        others = median_of_others(memory["last"][fresh])
        risen = others > _RATIO * memory["stepped_from"][fresh] + _RESOLUTIONS * memory["resolution"][fresh]
        believed = fresh[(memory["stepped_ms"][fresh] > 0) & risen]
        memory["stepped_ms"][believed] = 0
    return np.empty(0, np.intp)
