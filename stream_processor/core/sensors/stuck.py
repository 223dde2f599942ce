"""Stuck: the value no longer changes.

Values repeat in health too, the more the coarser the instrument. With a share p of readings that repeat the one before, a run of n has
odds of p^n; a run whose odds are below one in a thousand million is no chance. At least six readings; a value at which the quantity may
stand still (no rain) is never stuck. Table of n by p in 64ths, so that every platform counts the same.
"""

from __future__ import annotations

import math

import numpy as np

from stream_processor.core.sensors.memory import Memory
from stream_processor.core.sensors.port import Bools, Fault, Seen

FAULT = Fault.STUCK
_ODDS = 1e-9
_LEAST = 6
_RUNS = np.array([max(_LEAST, math.log(_ODDS) / math.log(min(max(p / 64, 0.02), 0.98))) for p in range(65)])


def look(memory: Memory, seen: Seen) -> Bools:
    """Which readings belong to a run that is too long."""
    share = np.floor(np.clip(memory["repeats"][seen.rows], 0.0, 1.0) * 64).astype(np.intp)
    long = memory["run"][seen.rows] >= _RUNS[share]
    if not long.any():
        return np.asarray(long)
    steady = (memory["steady"][seen.rows] == seen.value[:, None]).any(axis=1)
    return np.asarray(long & seen.is_known & ~steady & (memory["repeats"][seen.rows] < 0.9))
