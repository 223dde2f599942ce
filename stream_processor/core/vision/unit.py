"""How large a car is on a line, learned from those that cross it: half of them are narrower than it, half shorter.

Evidence on the line is WIDER times as wide as the car that makes it, and hardly depends on the unit it was measured with (a unit wrong by
0.6 or 1.6 gives 0.9 or 1.2), so a few vehicles are enough and measuring again converges.
"""

from __future__ import annotations

import math
from typing import Any

WIDER = 1.1
KEPT = 48
PRIOR_GUESSED, PRIOR_KNOWN = 0.5, 8.0
"""How many vehicles the first guess is worth; one that geometry told is worth more."""
FURTHEST = 2.5
USUAL_LENGTH, SHORTEST, LONGEST = 1.3, 0.8, 2.8
"""In car widths, seen from a pole: foreshortened."""


class CarSize:
    """State of one line. Sizes in pixels of the frame."""

    def __init__(self, guess_px: float, *, known: bool) -> None:
        self._guess_px = guess_px
        self._prior = PRIOR_KNOWN if known else PRIOR_GUESSED
        self._widths: list[float] = []
        self._lengths: list[float] = []

    def add(self, width_px: float, length_px: float) -> None:
        """One vehicle's evidence, as wide and as long as it was seen."""
        self._widths = [*self._widths, width_px][-KEPT:]
        self._lengths = [*self._lengths, length_px][-KEPT:]

    @property
    def width_px(self) -> float:
        """A car's width at the line."""
        if not self._widths:
            return self._guess_px
        learned = math.log(_median(self._widths) / WIDER / self._guess_px) * len(self._widths) / (len(self._widths) + self._prior)
        return self._guess_px * math.exp(min(max(learned, -math.log(FURTHEST)), math.log(FURTHEST)))

    @property
    def length_px(self) -> float:
        """A car's length along the travel."""
        usual = USUAL_LENGTH * self.width_px
        if not self._lengths:
            return usual
        weight = len(self._lengths) / (len(self._lengths) + PRIOR_KNOWN)
        return min(max(usual + weight * (_median(self._lengths) - usual), SHORTEST * self.width_px), LONGEST * self.width_px)

    def snapshot(self) -> dict[str, Any]:
        """The vehicles that are still remembered."""
        return {"widths": list(self._widths), "lengths": list(self._lengths)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._widths, self._lengths = list(state["widths"]), list(state["lengths"])


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
