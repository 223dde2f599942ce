"""Drift: hour after hour the sensor moves away from its neighbours.

Hourly means are compared, once an hour is over, with the median of two and more other sensors of the area: particles and gases as
logarithms of ratios, the rest as differences. What is usual for this sensor (a kerb is dirtier than a park) is learned over days. The
excess over usual, less what two spreads explain, is summed (Page's test, 1954); above `_BOUND` the sensor drifts, until the sum is spent.
"""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.groups import Groups, median_of_others
from stream_processor.core.sensors.memory import HOUR_MS, Memory
from stream_processor.core.sensors.port import Bools, Fault, Floats, Rows, Seen

FAULT = Fault.DRIFT
_SETTLED_MS = 600_000
_OTHERS, _LEARN_HOURS, _SHARE = 2, 24, 0.02
_SLACK, _BOUND, _MOST = 2.0, 8.0, 16.0
_LEAST_RATIO_SPREAD, _LEAST_SPREADS = 0.08, 20.0
"""The smallest spread: 8 % where ratios are compared, else twenty of the smallest steps."""


def look(memory: Memory, seen: Seen) -> Bools:
    """Readings of sensors that drift. Adds each reading to its hour's mean."""
    rows = seen.rows
    hour = seen.at_ms // HOUR_MS
    new = hour > memory["hour"][rows]
    ended = rows[new]
    if len(ended):
        memory["done_hour"][ended] = memory["hour"][ended]
        memory["done_mean"][ended] = memory["hour_sum"][ended] / np.maximum(memory["hour_count"][ended], 1)
        memory["hour"][ended], memory["hour_sum"][ended], memory["hour_count"][ended] = hour[new], 0.0, 0
    memory["hour_sum"][rows] += seen.value
    memory["hour_count"][rows] += 1
    return np.asarray(memory["is_drifting"][rows])


def at_tick(memory: Memory, groups: Groups, now_ms: int) -> Rows:
    """Ten minutes into an hour, when every sensor in time has begun it, the one before is compared."""
    if now_ms % HOUR_MS < _SETTLED_MS:
        return np.empty(0, np.intp)
    wanted = now_ms // HOUR_MS - 1
    for _, rows in groups.each(memory):
        here = rows[(memory["done_hour"][rows] == wanted)]
        if len(here) > _OTHERS:
            _compare(memory, here, wanted)
    return np.empty(0, np.intp)


def _compare(memory: Memory, rows: Rows, hour: int) -> None:
    is_ratio = memory["may_step"][rows]
    mean = memory["done_mean"][rows]
    others = median_of_others(mean)
    least = 10 * memory["resolution"][rows]
    apart = np.where(is_ratio, _log(mean + least) - _log(others + least), mean - others)
    hours = memory["apart_hours"][rows]
    off = np.where(hours == 0, 0.0, apart - memory["apart_usual"][rows])
    floor = np.where(is_ratio, _LEAST_RATIO_SPREAD, _LEAST_SPREADS * memory["resolution"][rows])
    spread = np.maximum(memory["apart_spread"][rows], floor)
    excess = np.abs(off) / spread - _SLACK
    learning = hours < _LEARN_HOURS
    memory["apart_sum"][rows] = np.where(learning, 0.0, np.clip(memory["apart_sum"][rows] + excess, 0.0, _MOST))
    drifting = np.where(memory["is_drifting"][rows], memory["apart_sum"][rows] > 0, memory["apart_sum"][rows] > _BOUND)
    share = np.where(drifting, 0.0, np.where(learning, 1.0 / (hours + 1), _SHARE))
    memory["apart_usual"][rows] = np.where(hours == 0, apart, memory["apart_usual"][rows] + share * off)
    memory["apart_spread"][rows] += share * (np.minimum(np.abs(off), 3 * spread) - memory["apart_spread"][rows])
    memory["is_drifting"][rows] = drifting
    memory["apart_hours"][rows] += 1
    memory["done_hour"][rows] = -1 - hour  # compared; the next hour ends by its own readings


def _log(values: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(values, 1e-9)))
