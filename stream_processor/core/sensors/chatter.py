"""Chatter: a loose contact. The value jumps up and down again and again, by more than air does in so short a time.

A turn is a jump against the one before. Five turns within an hour are chatter, until an hour holds fewer. A jump is a step from reading to
reading of at least the profile's `jump`: smoke jumps too, but comes and goes once or twice an hour; hourly means never turn so often.
"""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.memory import HOUR_MS, TURNS, Memory
from stream_processor.core.sensors.port import Bools, Fault, Seen

FAULT = Fault.CHATTER


def look(memory: Memory, seen: Seen) -> Bools:
    """Which readings come from a chattering sensor."""
    rows = seen.rows
    jumps = (seen.step >= memory["jump"][rows]) & (memory["count"][rows] > 0)
    if jumps.any():
        jumped = rows[jumps]
        up = np.where(seen.value[jumps] > memory["last"][jumped], 1, -1)
        turned = up == -memory["jumped"][jumped]
        memory["jumped"][jumped] = up
        turning = jumped[turned]
        memory["turn_ms"][turning, memory["turn_at"][turning]] = seen.at_ms[jumps][turned]
        memory["turn_at"][turning] = (memory["turn_at"][turning] + 1) % TURNS
    oldest_ms = memory["turn_ms"][rows].min(axis=1)
    return np.asarray((oldest_ms > 0) & (seen.at_ms - oldest_ms <= HOUR_MS))
