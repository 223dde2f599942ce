"""Saturated: the instrument is at its end (`ceiling` of the profile); the air may be anything above."""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.memory import Memory
from stream_processor.core.sensors.port import Bools, Fault, Seen

FAULT = Fault.SATURATED


def look(memory: Memory, seen: Seen) -> Bools:
    """Which values stand at the instrument's end."""
    return np.asarray(seen.value >= memory["ceiling"][seen.rows])
