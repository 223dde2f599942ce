"""Silent: what used to report does so no longer. Ten times its usual gap, at least a quarter of an hour, judged at ticks."""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.groups import Groups
from stream_processor.core.sensors.memory import Memory
from stream_processor.core.sensors.port import Fault, Rows

FAULT = Fault.SILENT
_GAPS, _LEAST_MS, _READINGS = 10.0, 900_000, 10


def at_tick(memory: Memory, groups: Groups, now_ms: int) -> Rows:
    """Rows that are silent since this tick."""
    n = len(memory)
    bound_ms = np.maximum(_GAPS * memory["gap_ms"][:n], _LEAST_MS)
    silent = (memory["count"][:n] >= _READINGS) & (now_ms - memory["last_ms"][:n] > bound_ms) & ~memory["is_silent"][:n]
    memory["is_silent"][:n] |= silent
    return np.flatnonzero(silent)
