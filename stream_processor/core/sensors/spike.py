"""Spike: further from the last healthy reading than this sensor ever goes, and with it every reading until it is back.

A new level is believed when three readings in a row move by steps a healthy sensor makes and stand near the range of the last days; after
eight hours any level is. A quantity that may step (smoke) is given the new level whatever its range, but not its first readings.
"""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.memory import HOUR_MS, Memory
from stream_processor.core.sensors.port import Bools, Fault, Seen

FAULT = Fault.SPIKE
ORDER = -1
"""First: what is a spike says nothing about noise."""
_CALM_READINGS = 3
_CALM_SCALES, _CALM_LIMIT_SHARE = 8.0, 0.1
_BEYOND_RANGE, _LONGEST_MS = 0.5, 8 * HOUR_MS
_STEP_RATIO, _STEP_RESOLUTIONS = 10.0, 30.0
"""A quantity that may step is not off before it has moved by ten times where it stood and thirty of its smallest steps."""


def look(memory: Memory, seen: Seen) -> Bools:
    """Which readings are off. Where a new level is believed, the memory moves there."""
    rows = seen.rows
    may_step = memory["may_step"][rows]
    limit = np.where(
        may_step, np.maximum(seen.limit, _STEP_RATIO * np.abs(memory["healthy"][rows]) + 30 * memory["resolution"][rows]), seen.limit
    )
    off = seen.is_known & (seen.off > limit)
    if not off.any():
        memory["calm"][rows] = 0
        memory["is_off"][rows] = False
        return np.asarray(off)
    believed = _is_believed(memory, seen, off, may_step)
    memory.accept(rows[believed], seen.at_ms[believed], seen.value[believed])
    memory["calm"][rows[believed]] = 0
    memory["is_off"][rows] = off & ~believed
    return np.asarray(off & ~believed)


def _is_believed(memory: Memory, seen: Seen, off: Bools, may_step: Bools) -> Bools:
    rows = seen.rows
    bound = np.maximum(_CALM_SCALES * memory.usual_step(rows), _CALM_LIMIT_SHARE * seen.limit)
    bound = np.where(may_step, np.maximum(bound, 0.3 * np.abs(seen.value)), bound)
    moves = (seen.step > 0) | may_step
    calm = np.where(moves & (seen.step <= bound), memory["calm"][rows] + 1, memory["calm"][rows])
    calm = np.where((seen.step > bound) | ((memory["run"][rows] >= 4) & ~may_step), 0, calm)
    memory["calm"][rows] = np.where(off, calm, 0)
    room = _BEYOND_RANGE * (memory["high"][rows] - memory["low"][rows])
    near = (seen.value >= memory["low"][rows] - room) & (seen.value <= memory["high"][rows] + room)
    inside = (seen.value >= memory["plausible_low"][rows]) & (seen.value <= memory["plausible_high"][rows])
    settled = (calm >= _CALM_READINGS) & (near | may_step | ~seen.is_day_old)
    waited = seen.at_ms - memory["healthy_ms"][rows] > _LONGEST_MS
    return np.asarray(off & inside & (settled | waited))
