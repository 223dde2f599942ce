"""What kind of vehicle a crossing was, by its size on the line in metres."""

from __future__ import annotations

from stream_processor.core.vision.counting import Crossing

TWO_WHEELER, CAR, LARGE = 0, 1, 2

NARROW_M = 1.35
SHORT_M = 3.2
LONG_M = 7.0
WIDE_M = 3.4


def size_class(crossing: Crossing) -> int:
    """TWO_WHEELER: narrow and short; LARGE: long, or wider than a car and not short; else CAR."""
    if crossing.width_m < NARROW_M and crossing.length_m < SHORT_M:
        return TWO_WHEELER
    if crossing.length_m > LONG_M or (crossing.width_m > WIDE_M and crossing.length_m > SHORT_M):
        return LARGE
    return CAR
