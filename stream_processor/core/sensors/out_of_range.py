"""Out of range: what the air cannot be, though the instrument can say it (see `profile`)."""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.memory import Memory
from stream_processor.core.sensors.port import Bools, Fault, Seen

FAULT = Fault.OUT_OF_RANGE


def look(memory: Memory, seen: Seen) -> Bools:
    """Which values are implausible."""
    return np.asarray((seen.value < memory["plausible_low"][seen.rows]) | (seen.value > memory["plausible_high"][seen.rows]))
