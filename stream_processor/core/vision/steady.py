"""By how much a frame is displaced against the camera's usual view: a pole in the wind, a lorry passing, a hand.

Small textured patches are found again in every frame; the median of their displacements is the camera's, as long as most of them show
what does not drive. Which do is learned in the first seconds: patches that disagree or are not found are left out. A camera that has
not moved for CALM_MS is looked at in every CALM_FRAMES-th frame only.
"""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.road import Grey

PATCH_PX = 16
REACH_PX = 5
"""A patch is looked for so far around where it was last; FAR_PX when most are not there."""
FAR_PX = 12
CANDIDATES, KEPT = 24, 8
TRIAL_MS = 3_000
SURE = 0.7
AGREES_PX = 0.7
LEAST_PATCHES = 4
SEEN_LEAST = 0.5
"""Where the patches agree in fewer frames than this share (over some seconds), others are chosen."""
STILL_PX = 0.3
CALM_MS, CALM_FRAMES = 3_000, 5
FOLLOWS = 0.02
AGAIN_MS = 10_000
LEAST_CORNER = 1e-3
"""Smaller eigenvalue of the structure tensor (OpenCV's scale): bare asphalt has 0.0003, and matches wherever its noise likes."""
FURTHEST_SHARE = 0.1
"""Of the frame's width: what is displaced farther is another view."""
GRID = (8, 12)

Floats = NDArray[np.float32]
_Found = tuple[float, float, float]
"""Correlation, and displacement in x and y."""


class Steady:
    """State of one camera for one frame size."""

    def __init__(self) -> None:
        self._patches: list[Floats] = []
        self._places: list[tuple[int, int]] = []
        self._worth: list[float] = []
        self._shift = (0.0, 0.0)
        self._seen = 1.0
        self._chosen_ms = self._restless_ms = -1
        self._frames = 0

    def look(self, grey: Grey, at_ms: int) -> tuple[float, float]:
        """Displacement (x, y) in pixels of what `grey` shows, against the first frames."""
        self._frames += 1
        if len(self._patches) < LEAST_PATCHES:
            if self._chosen_ms < 0 or at_ms - self._chosen_ms > AGAIN_MS:
                self._choose(grey, at_ms)
            return self._shift
        if at_ms - self._restless_ms > CALM_MS and self._frames % CALM_FRAMES:
            return self._shift
        found, shift = self._agreed(grey, REACH_PX)
        if shift is None:
            found, shift = self._agreed(grey, FAR_PX)
        if shift is not None and float(np.abs(shift).max()) > FURTHEST_SHARE * grey.shape[1]:
            self._shift, shift = (0.0, 0.0), None
        if shift is not None:
            self._move(shift, at_ms)
        self._seen += 0.02 * ((shift is not None) - self._seen)
        self._judge(found, agreed=shift is not None)
        if len(self._patches) > KEPT and at_ms - self._chosen_ms > TRIAL_MS:
            self._keep_best()
        if self._seen < SEEN_LEAST and at_ms - self._chosen_ms > AGAIN_MS:
            self._choose(grey, at_ms)
        return self._shift

    def _agreed(self, grey: Grey, reach: int) -> tuple[list[_Found], NDArray[np.float64] | None]:
        """Where each patch is, and the displacement that at least half of them share."""
        found = [self._find(grey, i, reach) for i in range(len(self._patches))]
        sure = np.array([(dx, dy) for score, dx, dy in found if score > SURE], np.float64).reshape(-1, 2)
        least = max(LEAST_PATCHES, len(found) // 2)
        if len(sure) < least:
            return found, None
        near = np.abs(sure - np.median(sure, axis=0)).max(axis=1) < AGREES_PX
        return found, sure[near].mean(axis=0) if near.sum() >= least else None

    def _move(self, shift: NDArray[np.float64], at_ms: int) -> None:
        moved = max(abs(float(shift[0]) - self._shift[0]), abs(float(shift[1]) - self._shift[1]))
        if moved > STILL_PX:
            self._restless_ms = at_ms
        if moved > STILL_PX or at_ms - self._restless_ms <= CALM_MS:
            self._shift = (float(shift[0]), float(shift[1]))

    def _find(self, grey: Grey, i: int, reach: int) -> _Found:
        """(correlation, x, y displacement) of patch `i`; (0, …) where it is out of sight."""
        top, left = self._places[i]
        row, column = top + round(self._shift[1]) - reach, left + round(self._shift[0]) - reach
        side = PATCH_PX + 2 * reach
        if row < 0 or column < 0 or row + side > grey.shape[0] or column + side > grey.shape[1]:
            return 0.0, 0.0, 0.0
        window = grey[row : row + side, column : column + side].astype(np.float32)
        scores = np.asarray(cv2.matchTemplate(window, self._patches[i], cv2.TM_CCOEFF_NORMED))
        _, best, _, (x, y) = cv2.minMaxLoc(scores)
        if not 0 < x < 2 * reach or not 0 < y < 2 * reach or best > 1.01:
            return 0.0, 0.0, 0.0
        dx, dy = _part(scores[y, x - 1 : x + 2].tolist()), _part(scores[y - 1 : y + 2, x].tolist())
        if best > SURE:
            here = window[y : y + PATCH_PX, x : x + PATCH_PX]
            self._patches[i] = self._patches[i] + np.float32(FOLLOWS if abs(dx) < 0.2 and abs(dy) < 0.2 else 0.0) * (
                here - self._patches[i]
            )
        return float(best), column + x + dx - left, row + y + dy - top

    def _judge(self, found: list[_Found], *, agreed: bool) -> None:
        """Patches that go with the others are worth more."""
        for i, (score, dx, dy) in enumerate(found):
            with_others = agreed and score > SURE and max(abs(dx - self._shift[0]), abs(dy - self._shift[1])) < AGREES_PX
            self._worth[i] += 0.05 * ((score if with_others else 0.0) - self._worth[i])

    def _keep_best(self) -> None:
        order = sorted(range(len(self._worth)), key=lambda i: -self._worth[i])[:KEPT]
        self._patches, self._places = [self._patches[i] for i in order], [self._places[i] for i in order]
        self._worth = [self._worth[i] for i in order]

    def _choose(self, grey: Grey, at_ms: int) -> None:
        """The most textured patch of each field of a grid, and the best of those; displaced like the frame they are taken from."""
        margin = FAR_PX + PATCH_PX
        if min(grey.shape) < 3 * margin:
            return
        corner = cv2.cornerMinEigenVal(cv2.GaussianBlur(grey, (3, 3), 0), PATCH_PX // 2 * 2 + 1)
        best: list[tuple[float, int, int]] = []
        rows = np.linspace(margin, grey.shape[0] - margin, GRID[0] + 1).astype(int)
        columns = np.linspace(margin, grey.shape[1] - margin, GRID[1] + 1).astype(int)
        for top, bottom in itertools.pairwise(rows):
            for left, right in itertools.pairwise(columns):
                field = corner[top:bottom, left:right]
                row, column = divmod(int(field.argmax()), field.shape[1])
                best.append((float(field[row, column]), int(top) + row - PATCH_PX // 2, int(left) + column - PATCH_PX // 2))
        chosen = [place for place in sorted(best, reverse=True)[:CANDIDATES] if place[0] > LEAST_CORNER]
        dx, dy = round(self._shift[0]), round(self._shift[1])
        self._patches = [grey[r : r + PATCH_PX, c : c + PATCH_PX].astype(np.float32) for _, r, c in chosen]
        self._places = [(r - dy, c - dx) for _, r, c in chosen]
        self._worth = [0.0] * len(chosen)
        self._shift = (float(dx), float(dy))
        self._chosen_ms = self._restless_ms = at_ms
        self._seen = 1.0

    def snapshot(self) -> dict[str, Any]:
        """Everything, msgpack-able."""
        return {
            "patches": [pack(p) for p in self._patches], "places": [list(p) for p in self._places], "worth": list(self._worth),
            "shift": list(self._shift), "seen": self._seen, "at": [self._chosen_ms, self._restless_ms, self._frames],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._patches = [unpack(p) for p in state["patches"]]
        self._places = [(int(r), int(c)) for r, c in state["places"]]
        self._worth, self._seen = list(state["worth"]), state["seen"]
        self._shift = (float(state["shift"][0]), float(state["shift"][1]))
        self._chosen_ms, self._restless_ms, self._frames = state["at"]


def _part(scores: list[float]) -> float:
    """Where between its neighbours the peak of three values lies, -0.5..0.5."""
    before, here, after = scores
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < -1e-6 else 0.0
