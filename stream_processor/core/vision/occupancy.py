"""Area occupancy: the share of a carriageway's surface that is covered, moving or standing.

Where the background is trusted, a cell is covered when it differs from it, with texture. Where it is not (a cold start, perhaps in the
middle of a jam) the bare road's grey stands in for it: vehicles stick out of that, asphalt does not, and lane markings are too narrow.
What is covered teaches the background next to nothing, so a standing queue stays a queue for the better part of an hour; one that stood
there when the camera started is believed for `COLD_COVERED_WEIGHT`, some six minutes. Where traffic flows past, what has stood still
since the start is furniture (a barrier, large letters), not a vehicle.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.asphalt import asphalt
from stream_processor.core.vision.background import Background
from stream_processor.core.vision.evidence import edges, evidence, signed_difference
from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.road import Grey, RoadView

THRESHOLD = 11.0
"""Evidence from here on is a vehicle; 10..14 of 255 does equally well on ten cameras."""
LEVEL = 6.0
"""And the cell itself differs by this: evidence is smeared over a patch, a vehicle ends at its edge."""
TRUSTED_S = 2.0
COVERED_WEIGHT = 0.01
COLD_COVERED_WEIGHT = 0.005
FURNITURE_WEIGHT = 0.5
THIN_WEIGHT = 0.5
ROAD_EVERY_MS = 1_000
STRETCH_M = 20.0

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Occupancy:
    """State of one carriageway: `look` at a picture, then `settle` it with what motion says. After that `share` is up to date."""

    def __init__(self, view: RoadView) -> None:
        self._view = view
        shape = view.valid.shape
        self._background = Background(shape)
        self._windows = _Windows(view)
        self._stretches = max(1, round(shape[0] * view.cell_m / STRETCH_M)) if view.in_metres else 1
        self._cells = max(1, int(view.valid.sum()))
        self._last_ms: int | None = None
        self._road_ms: int | None = None
        self._road = np.zeros(shape, np.float32)
        self._seen = np.zeros(shape, np.float32)
        self._thin: Mask = np.zeros(shape, bool)
        self.covered: Mask = np.zeros(shape, bool)
        self.difference: Floats = np.zeros(shape, np.float32)
        self.share = 0.0
        self.trusted_share = 0.0

    def look(self, picture: Grey, at_ms: int) -> None:
        """Judge one picture of the road: `difference` and `covered`."""
        self._seen = picture.astype(np.float32)
        self._seen /= self._background.gain(self._seen, self._view.valid)
        trusted = self._trusted
        self._refresh_road(trusted, at_ms)
        base = np.where(trusted, self._background.value, self._road)
        steep = edges(self._background.value) * trusted
        difference = signed_difference(self._seen, base, steep)
        self.difference = difference if trusted.all() else np.where(trusted, difference, self._windows.wide(difference)).astype(np.float32)
        strong = (evidence(self.difference, self._windows.texture) > THRESHOLD) & self._view.valid
        strong &= np.abs(self.difference) > LEVEL
        self.covered = self._windows.solid(strong) & self._view.valid
        self._thin = strong & ~self.covered

    @property
    def seen(self) -> Floats:
        """The last picture, as bright as the background."""
        return self._seen

    @property
    def road(self) -> Floats:
        """What is held for the bare road."""
        return np.where(self._trusted, self._background.value, self._road)

    def settle(self, still: Mask, flowing: bool, at_ms: int, ghosts: Mask | None = None) -> None:
        """Take furniture out (`still` cells while traffic is `flowing`) and `ghosts` of what drove away, learn, and say the share."""
        trusted = self._trusted
        furniture = self.covered & still & ~trusted & flowing
        if ghosts is not None:
            furniture |= self.covered & ghosts
        self.covered &= ~furniture
        self.share = float(self._footprint().sum()) / self._cells
        self.trusted_share = float((trusted & self._view.valid).sum()) / self._cells
        since_s = 0.2 if self._last_ms is None else min((at_ms - self._last_ms) / 1000, 1.0)
        weight = np.where(self.covered, np.where(trusted, COVERED_WEIGHT, COLD_COVERED_WEIGHT), 1.0)
        weight = np.where(furniture, FURNITURE_WEIGHT, np.where(self._thin, THIN_WEIGHT, weight))
        self._background.learn(self._seen, (weight * since_s).astype(np.float32))
        self._last_ms = at_ms

    def _footprint(self) -> Mask:
        """What is covered on the ground: a cell whose top would hide another is covered only if that one is hidden too."""
        behind = self._view.behind
        if behind is None:
            return self.covered
        return np.asarray(self.covered & (self.covered.ravel()[behind] | (behind < 0)))

    @property
    def known(self) -> Mask:
        """What is covered where the bare road is well known."""
        return self.covered & self._trusted

    @property
    def unknown(self) -> Mask:
        """Where nobody knows yet what the bare road looks like."""
        return self._view.valid & ~self._trusted

    @property
    def _trusted(self) -> Mask:
        return np.asarray(self._background.weight_s >= TRUSTED_S)

    def _refresh_road(self, trusted: Mask, at_ms: int) -> None:
        if self._road_ms is None or (at_ms - self._road_ms >= ROAD_EVERY_MS and not trusted[self._view.valid].all()):
            best = np.where(trusted, self._background.value, self._seen).astype(np.float32)
            self._road = asphalt(best, self._stretches, self._view.valid)
            self._road_ms = at_ms

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next picture depends on."""
        return {"background": self._background.snapshot(), "road": pack(self._road), "last_ms": self._last_ms, "road_ms": self._road_ms}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._background.restore(state["background"])
        self._road, self._last_ms, self._road_ms = unpack(state["road"]), state["last_ms"], state["road_ms"]


class _Windows:
    """Neighbourhoods in cells: sizes of vehicles where the scale is known, of a twentieth of the picture where it is not."""

    def __init__(self, view: RoadView) -> None:
        cell = view.cell_m if view.in_metres else 1.8 / max(4.0, 0.06 * max(view.valid.shape))
        self.texture = (_odd(1.6 / cell), _odd(2.4 / cell))
        self._narrow = np.ones((1, _odd(0.9 / cell)), np.uint8)
        self._close = np.ones((_odd(2.0 / cell), _odd(1.2 / cell)), np.uint8)

    def wide(self, difference: Floats) -> Floats:
        """The difference without what is narrower across the road than a car: lane markings, letters."""
        size = cv2.morphologyEx(np.abs(difference), cv2.MORPH_OPEN, self._narrow)
        return np.asarray(np.copysign(size, difference), np.float32)

    def solid(self, strong: Mask) -> Mask:
        """Holes closed: smooth roofs."""
        return np.asarray(cv2.morphologyEx(strong.astype(np.uint8), cv2.MORPH_CLOSE, self._close) > 0)


def _odd(cells: float) -> int:
    return max(3, 2 * round((cells - 1) / 2) + 1)
