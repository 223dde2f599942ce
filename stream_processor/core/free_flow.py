"""What is free flow on this stretch of road: the 85th percentile of the speeds seen so far, learned while it goes.

A histogram of half-km/h (or half-mph) bins; the unit is the sensor's own. When `MOST` readings are in it (four weeks of five-minute
speeds), all counts are halved, so that roadworks are forgotten. (FHWA Urban Congestion Reports: 85th percentile of speeds.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

SHARE = 0.85
BIN = 0.5
BINS = 500
MOST = 8_064
LEAST = 12


@dataclass(slots=True)
class FreeFlow:
    """Counts of one sensor's speeds."""

    counts: list[int] = field(default_factory=lambda: [0] * BINS)
    total: int = 0

    def add(self, speed: float) -> None:
        """One more reading, at or above zero."""
        self.counts[min(int(speed / BIN), BINS - 1)] += 1
        self.total += 1
        if self.total >= MOST:
            self.counts = [count // 2 for count in self.counts]
            self.total = sum(self.counts)

    def speed(self) -> float | None:
        """The 85th percentile, between the bins' edges; None before `LEAST` readings."""
        if self.total < LEAST:
            return None
        left = (1.0 - SHARE) * self.total
        for at in range(BINS - 1, -1, -1):
            if self.counts[at] >= left:
                return BIN * (at + 1 - left / self.counts[at])
            left -= self.counts[at]
        return 0.0
