"""A check: one way in which a sensor can be sick, in a file of its own. The gate finds it by its file.

A module of this folder that offers `FAULT` and `look(memory, seen)` is a check of readings: it says of each reading of one round whether
it shows that fault; `ORDER` (0 where there is none) says which goes before which. One that offers `FAULT` and `at_tick(memory, groups,
now_ms)` is a check of what time alone shows, or the neighbours: it says which rows show the fault from now on. All of them read the same
memory (`memory.Memory`), one row per sensor and quantity; what a check remembers beyond that is a column of the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Times = NDArray[np.int64]


class Fault(IntFlag):
    """What may be wrong with a sensor. `FOG` is no fault of the instrument: humid air makes an optical particle counter read too much."""

    STUCK = 1
    SPIKE = 2
    NOISE = 4
    OUT_OF_RANGE = 8
    SATURATED = 16
    FOG = 32
    CLOCK = 64
    DRIFT = 128
    BIAS = 256
    SILENT = 512
    CHATTER = 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """One round: at most one reading of each row, arrays of shape (k,).

    `step` is the distance to the reading before, `off` to the last healthy one; `limit` is how far off a healthy reading may be.
    `is_known`: enough was seen of the sensor to judge it; `is_day_old`: a whole day, its mornings and evenings too.
    """

    rows: Rows
    at_ms: Times
    value: Floats
    step: Floats
    off: Floats
    limit: Floats
    is_known: Bools
    is_day_old: Bools
