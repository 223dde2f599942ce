"""Looks at a piece of road a few times a second: what is covered, and how fast that travels. Ways that see the same piece share them.

A look costs as much as a dozen frames of a counting line, so it is taken no oftener than the figures need. On a grid in pixels speeds
come from two pictures PAIR_MS apart, of which only the second is looked at; on a grid in metres every look is compared with the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stream_processor.core.vision.geometry import Point
from stream_processor.core.vision.motion import PictureMotion, RoadMotion, Speeds
from stream_processor.core.vision.occupancy import Occupancy
from stream_processor.core.vision.road import Grey, Mask, RoadView
from stream_processor.core.vision.still import Stillness

METRES_EVERY_MS = 200
PIXELS_EVERY_MS = 600
PAIR_MS = 200


class RoadLook:
    """State of one piece of road: `look`, then `speeds` for each direction, then `settle`."""

    def __init__(self, view: RoadView) -> None:
        self.view = view
        self.occupancy = Occupancy(view)
        self.still = Stillness(view.valid.shape)
        self.every_ms = METRES_EVERY_MS if view.in_metres else PIXELS_EVERY_MS
        self._motion: RoadMotion | PictureMotion = RoadMotion(view) if view.in_metres else PictureMotion(view)
        self._look_ms = self._pair_ms = self._frame_ms = -1
        self._along: Speeds | None = None

    def look(self, grey: Grey, at_ms: int) -> bool:
        """One frame; whether it was looked at."""
        half_gap_ms = (at_ms - self._frame_ms) // 2 if self._frame_ms >= 0 else 0
        self._frame_ms = at_ms
        if self._look_ms >= 0 and at_ms - self._look_ms < self.every_ms - half_gap_ms:
            self._remember(grey, at_ms, half_gap_ms)
            return False
        self._look_ms = at_ms
        picture = self.view.look(grey)
        self.occupancy.look(picture, at_ms)
        if isinstance(self._motion, RoadMotion):
            self._along = self._motion.look(self.occupancy.difference, self.occupancy.covered, at_ms)
        else:
            self._motion.look(picture, self.occupancy.covered, at_ms)
        return True

    def _remember(self, grey: Grey, at_ms: int, half_gap_ms: int) -> None:
        """The first picture of a pair."""
        if isinstance(self._motion, RoadMotion) or self._pair_ms >= self._look_ms:
            return
        if at_ms - self._look_ms >= self.every_ms - PAIR_MS - half_gap_ms:
            self._pair_ms = at_ms
            self._motion.remember(self.view.look(grey), at_ms)

    def speeds(self, direction: Point | None) -> Speeds:
        """Speeds of covered cells at the last look, along `direction`."""
        if isinstance(self._motion, PictureMotion):
            return self._motion.along(direction)
        if self._along is None:
            raise ValueError("speeds before the first look")
        return self._along

    def settle(self, still: Sequence[Mask], flowing: bool, at_ms: int, ghosts: Sequence[Mask]) -> None:
        """What all directions together make of the look: see `Occupancy.settle`."""
        all_still, all_ghosts = still[0], ghosts[0]
        for mask, other in zip(still[1:], ghosts[1:], strict=True):
            all_still, all_ghosts = all_still & mask, all_ghosts | other
        self.occupancy.settle(all_still, flowing, at_ms, all_ghosts)

    def snapshot(self) -> dict[str, Any]:
        """Everything that later frames depend on."""
        return {
            "occupancy": self.occupancy.snapshot(), "motion": self._motion.snapshot(), "still": self.still.snapshot(),
            "at": [self._look_ms, self._pair_ms, self._frame_ms],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self.occupancy.restore(state["occupancy"])
        self._motion.restore(state["motion"])
        self.still.restore(state["still"])
        self._look_ms, self._pair_ms, self._frame_ms = state["at"]
