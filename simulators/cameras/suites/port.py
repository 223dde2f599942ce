"""What a suite is: a module in this folder with `run(play: Play) -> SuiteReport`, and a docstring whose first line says what it scores.

    def run(play: Play) -> SuiteReport:
        for clip in read_truth(play.data).clips:
            play.progress(f"counts: {clip.name}")
        return SuiteReport("counts", rows=({"clip": "road", "accuracy": 1.0},), figures=(Figure("accuracy", 0.98, 0.96, 0.93),))

A suite makes what it needs from `play.data` (the folder with ground_truth.json) and `play.seed` alone, so that two runs print the same
figures (times aside). Where a folder lacks what a suite needs it raises Unavailable with the reason; scoring goes on with the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Row = dict[str, str | int | float | None]
"""One line of a suite's table; the rows of a suite have the same keys, in the order they are printed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A total, with what it has to reach: `goal`, or at least `minimum` (None: it is only told)."""

    name: str
    value: float
    goal: float | None = None
    minimum: float | None = None
    better: Literal["higher", "lower"] = "higher"

    @property
    def verdict(self) -> Literal["goal", "minimum", "missed", ""]:
        """Which bar the value reaches."""
        sign = 1 if self.better == "higher" else -1
        if self.goal is not None and sign * self.value >= sign * self.goal:
            return "goal"
        if self.minimum is not None and sign * self.value >= sign * self.minimum:
            return "minimum"
        return "" if self.goal is None and self.minimum is None else "missed"


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """What one suite found."""

    suite: str
    rows: tuple[Row, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Play:
    """What a suite is given: the folder, the seed its cases are made from, and where to say how far it is."""

    data: Path
    seed: int
    progress: Callable[[str], None]


class Suite(Protocol):
    """The module itself."""

    __doc__: str | None

    def run(self, play: Play) -> SuiteReport:
        """Score everything in `play.data`. Raises Unavailable where the folder lacks what the suite needs."""
        ...
