"""Noise and chatter: the sensor is far more restless than it usually is.

Restlessness is the median step over the last 13 readings that are not spikes. It is too much above 3.2 times what this sensor stays below
for 90 % of the time, until it falls below 70 % of that. Known only after a day, because air and rooms are restless at certain hours.
"""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.memory import WINDOW, Memory
from stream_processor.core.sensors.port import Bools, Fault, Seen

FAULT = Fault.NOISE
_OVER = 0.7


def look(memory: Memory, seen: Seen) -> Bools:
    """Which readings come from a restless sensor."""
    rows = seen.rows
    taken = seen.is_known & ~memory["is_off"][rows]
    memory.keep_step(rows[taken], seen.off[taken])
    median = np.partition(memory["steps"][rows], WINDOW // 2, axis=1)[:, WINDOW // 2]
    limit = memory["restless_limit"][rows]
    restless = np.where(memory["restless"][rows], median > _OVER * limit, median > limit) & seen.is_day_old
    memory["median"][rows], memory["restless"][rows] = median, restless
    return np.asarray(restless)
