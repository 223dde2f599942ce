"""Whether the camera still sees what it used to see: covered and moved are judged against the lasting structure of its picture.

Structure is local contrast without lighting (`health_picture.structure`), so day, night and exposure change little of it. What passes
averages out. Where most of what was structured is lost, either the same structure is found a twentieth of the width or more away (moved),
or something flat is in front (covered), or something else is seen altogether (moved, far).
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.health_picture import VIEW_COLUMNS, VIEW_ROWS, Floats
from stream_processor.core.vision.packing import pack, unpack

View = Literal["ok", "covered", "moved", "unclear"]

BLOCK = 16
SETTLED_S = 20.0
"""The reference follows in about this time: slow drift and shadows are ordinary, a blow or a hand is faster."""
LEAST_S = 1.5
"""Of pictures in the reference before anything is judged by it."""
STRUCTURED = 0.04
"""Mean square of the reference in a block from here on is structure (1: strong contrast everywhere)."""
LEAST_BLOCKS = 6
LOST_BELOW = 0.3
COVERED_SHARE = 0.6
"""Of the structured blocks; a cover over 0.8 of the picture leaves a little more structure than its share where that stands at the edge."""
SUSPECT_SHARE = 0.4
OTHER_SHARE = 0.85
MOVED_CELLS = 0.035 * VIEW_COLUMNS
FOUND = 0.4
FOUND_BETTER = 0.15
FLAT_SHARE = 0.3
BRIGHTNESS_KEPT = (0.5, 2.0)


class ViewWatch:
    """The reference, and what the last picture was against it."""

    def __init__(self) -> None:
        self._reference: Floats = np.zeros((VIEW_ROWS, VIEW_COLUMNS), np.float32)
        self._brightness: Floats = np.zeros((VIEW_ROWS, VIEW_COLUMNS), np.float32)
        self._seconds = 0.0
        self.kept_share = 1.0
        """Share of structured blocks that look as they used to, brightness included."""

    def judge(self, seen: Floats, brightness: Floats) -> View:
        """`seen` against the reference; "unclear" is neither well nor surely sick, and teaches nothing."""
        if self._seconds < LEAST_S:
            return "ok"
        power = _blocks(self._reference * self._reference)
        structured = power > STRUCTURED
        if np.count_nonzero(structured) < LEAST_BLOCKS:
            return "ok"
        agreement = _blocks(seen * self._reference) / np.maximum(power, 1e-6)
        lost = structured & (agreement < LOST_BELOW)
        ratio = _blocks(brightness) / np.maximum(_blocks(self._brightness), 1.0)
        same = structured & ~lost & (ratio > BRIGHTNESS_KEPT[0]) & (ratio < BRIGHTNESS_KEPT[1])
        total = np.count_nonzero(structured)
        self.kept_share = int(np.count_nonzero(same)) / int(total)
        lost_share = np.count_nonzero(lost) / total
        if lost_share < SUSPECT_SHARE:
            return "ok"
        flat = _blocks(seen * seen)[lost] < FLAT_SHARE * power[lost]
        is_flat = np.count_nonzero(flat) > 0.5 * flat.size
        if lost_share >= COVERED_SHARE and is_flat:
            return "covered"
        if lost_share >= OTHER_SHARE or self._is_elsewhere(seen):
            return "moved"
        return "unclear"

    def learn(self, seen: Floats, brightness: Floats, since_s: float) -> None:
        """Teach a picture that stands for `since_s` seconds."""
        self._seconds += since_s
        share = np.float32(min(1.0, since_s / min(self._seconds, SETTLED_S)))
        self._reference += share * (seen - self._reference)
        self._brightness += share * (brightness - self._brightness)

    def _is_elsewhere(self, seen: Floats) -> bool:
        """Whether the middle of the reference is found again, MOVED_CELLS or more away, and better than in its old place."""
        top, left = VIEW_ROWS // 4, VIEW_COLUMNS // 4
        middle = self._reference[top:-top, left:-left]
        found = cv2.matchTemplate(seen, middle, cv2.TM_CCORR_NORMED)
        _, best, _, (x, y) = cv2.minMaxLoc(found)
        along, down = x - left, (y - top) * 0.75
        far = float(np.hypot(along, down)) >= MOVED_CELLS
        return far and best > FOUND and best > float(found[top, left]) + FOUND_BETTER

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next judgement depends on."""
        return {
            "reference": pack(self._reference), "brightness": pack(self._brightness),
            "seconds": self._seconds, "kept_share": self.kept_share,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._reference, self._brightness = unpack(state["reference"]), unpack(state["brightness"])
        self._seconds, self.kept_share = state["seconds"], state["kept_share"]


def _blocks(cells: Floats) -> NDArray[np.float32]:
    """Means of blocks."""
    return np.asarray(cv2.resize(cells, (VIEW_COLUMNS // BLOCK, VIEW_ROWS // BLOCK), interpolation=cv2.INTER_AREA), np.float32)
