"""Clock: a device's time runs backwards within its own sequence. (What is too far ahead of the ticks was set aside before.)"""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.memory import Memory
from stream_processor.core.sensors.port import Bools, Fault, Seen

FAULT = Fault.CLOCK


def look(memory: Memory, seen: Seen) -> Bools:
    """Which readings are dated before the one that came earlier in the sequence."""
    return np.asarray((memory["count"][seen.rows] > 0) & (seen.at_ms < memory["last_ms"][seen.rows]))
