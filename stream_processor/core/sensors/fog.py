"""Fog: particles swell in humid air, and an optical counter sees the water. Above 97 % relative humidity, measured by the same device in
the last quarter of an hour, no particle reading can be told from fog (Crilley et al. 2018, doi 10.5194/amt-11-709-2018)."""

from __future__ import annotations

import numpy as np

from stream_processor.core.sensors.memory import Memory
from stream_processor.core.sensors.port import Bools, Fault, Seen

FAULT = Fault.FOG
HUMID_PERCENT = 97.0
_RECENT_MS = 900_000


def look(memory: Memory, seen: Seen) -> Bools:
    """Which particle readings were taken in fog; `humid_ms` is when their device last said so."""
    age_ms = seen.at_ms - memory["humid_ms"][seen.rows]
    return np.asarray((age_ms >= 0) & (age_ms <= _RECENT_MS))
