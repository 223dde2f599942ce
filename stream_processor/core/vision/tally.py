"""What one sample adds up: counts by class, mean occupancy, and the trimmed mean of the speeds of covered road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.packing import pack, unpack

BINS = 1024
ZERO_BIN = 128
TRIM = 0.05
LEAST_CELLS = 8
"""Fewer measured cells over a whole sample than this are no speed at all."""


@dataclass(frozen=True, slots=True)
class Totals:
    """One sample's sums. `speed` is a mean over covered surface and time: the space-mean speed, in the unit of what was fed."""

    counts: tuple[int, int, int]
    occupancy: float
    speed: float | None
    looks: int


class Tally:
    """Sums since the last `close`. Speeds go into bins of `bin_width`."""

    def __init__(self, bin_width: float) -> None:
        self._bin_width = bin_width
        self._counts = [0, 0, 0]
        self._occupancy_sum = 0.0
        self._looks = 0
        self._speeds = np.zeros(BINS, np.int64)

    def count(self, size: int) -> None:
        """One vehicle of class `size`."""
        self._counts[size] += 1

    def look(self, occupancy: float, speeds: NDArray[np.float32]) -> None:
        """One look at the road: share covered, and the speed of each measured cell."""
        self._occupancy_sum += occupancy
        self._looks += 1
        places = np.clip(np.rint(speeds / self._bin_width).astype(np.int64) + ZERO_BIN, 0, BINS - 1)
        self._speeds += np.bincount(places, minlength=BINS)

    def close(self) -> Totals:
        """The sums; starts again from nothing."""
        totals = Totals(
            (self._counts[0], self._counts[1], self._counts[2]), self._occupancy_sum / max(self._looks, 1), self._speed(), self._looks
        )
        self._counts, self._occupancy_sum, self._looks = [0, 0, 0], 0.0, 0
        self._speeds = np.zeros(BINS, np.int64)
        return totals

    def _speed(self) -> float | None:
        total = int(self._speeds.sum())
        if total < LEAST_CELLS:
            return None
        upto = np.cumsum(self._speeds)
        low, high = TRIM * total, (1 - TRIM) * total
        kept = np.clip(np.minimum(upto, high) - np.maximum(upto - self._speeds, low), 0, None)
        return float(kept @ ((np.arange(BINS) - ZERO_BIN) * self._bin_width) / kept.sum())

    def snapshot(self) -> dict[str, Any]:
        """Everything."""
        return {"counts": list(self._counts), "occupancy_sum": self._occupancy_sum, "looks": self._looks, "speeds": pack(self._speeds)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._counts, self._occupancy_sum = list(state["counts"]), state["occupancy_sum"]
        self._looks, self._speeds = state["looks"], unpack(state["speeds"])
