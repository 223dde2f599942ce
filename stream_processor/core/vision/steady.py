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

from stream_processor.core.vision.patches import FITS_PX, SIDE_PX, Found, Patches, restored
from stream_processor.core.vision.road import Grey

REACH_PX = 5
"""A patch is looked for so far around where it was last; FAR_PX when most are not there."""
FAR_PX = 12
CANDIDATES, KEPT = 24, 8
TRIAL_MS = 3_000
SURE = 0.7
AGREES_PX = 0.7
LEAST_PATCHES = 4
LEAST_WORTH = 0.15
"""What has not been found again with the others during its trial lies on vehicles. Whoever is chosen later says nothing before that."""
SEEN_LEAST = 0.5
"""Where the patches agree in fewer frames than this share (over some seconds), others are chosen."""
STILL_PX = 0.3
CALM_MS, CALM_FRAMES = 3_000, 8
FITS = 3
"""How often where the patches agree may lead to another place to fit them at, before they are searched for."""
FOLLOW_EVERY = 24
LOST_FRAMES, LONG_LOST_FRAMES = 3, 30
"""Patches lost for longer are searched for in every CALM_FRAMES-th frame only, then in every FOLLOW_EVERY-th."""
AGAIN_MS = 10_000
LEAST_CORNER = 1e-3
"""Smaller eigenvalue of the structure tensor (OpenCV's scale): bare asphalt has 0.0003, and matches wherever its noise likes."""
FURTHEST_SHARE = 0.1
"""Of the frame's width: what is displaced farther is another view."""
GRID = (8, 12)
FULL_ROWS = 360
"""Pictures of twice as many rows are reduced before patches are chosen: that costs 6 ms instead of 22."""

Shift = tuple[float, float]
_NONE = Patches(np.zeros((0, SIDE_PX, SIDE_PX), np.float32), ())


class Steady:
    """State of one camera for one frame size."""

    def __init__(self) -> None:
        self._patches = _NONE
        self._worth: list[float] = []
        self._shift = (0.0, 0.0)
        self._seen = 1.0
        self._proved = False
        self._chosen_ms = self._restless_ms = -1
        self._frames = self._lost = 0

    def look(self, grey: Grey, at_ms: int) -> tuple[float, float]:
        """Displacement (x, y) in pixels of what `grey` shows, against the first frames."""
        self._frames += 1
        if len(self._patches) < LEAST_PATCHES:
            if self._chosen_ms < 0 or at_ms - self._chosen_ms > AGAIN_MS:
                self._choose(grey, at_ms)
            return self._shift
        if at_ms - self._restless_ms > CALM_MS and self._frames % CALM_FRAMES:
            return self._shift
        found, shift = self._found(grey)
        if shift is not None and max(abs(shift[0]), abs(shift[1])) > FURTHEST_SHARE * grey.shape[1]:
            self._shift, shift = (0.0, 0.0), None
        if shift is not None and self._proved:
            self._move(shift, at_ms)
        self._lost = 0 if shift is not None else self._lost + 1
        self._seen += 0.02 * ((shift is not None) - self._seen)
        self._judge(found, agreed=shift is not None)
        if (len(self._patches) > KEPT or not self._proved) and at_ms - self._chosen_ms > TRIAL_MS:
            self._keep_best()
        if self._seen < SEEN_LEAST and at_ms - self._chosen_ms > AGAIN_MS:
            self._choose(grey, at_ms)
        return self._shift

    def _found(self, grey: Grey) -> tuple[list[Found], Shift | None]:
        """Where each patch is, and the displacement that at least half of them share."""
        at = self._shift
        for _ in range(FITS):
            x, y = round(at[0]), round(at[1])
            found = self._patches.fit(grey, x, y)
            shift = _agreed(found)
            if shift is None:
                break
            if max(abs(shift[0] - x), abs(shift[1] - y)) <= FITS_PX:
                if self._frames % FOLLOW_EVERY == 0:
                    self._patches.follow(found, x, y)
                return found, shift
            at = shift
        if self._lost > LOST_FRAMES and self._frames % (CALM_FRAMES if self._lost < LONG_LOST_FRAMES else FOLLOW_EVERY):
            return found, None
        x, y = round(self._shift[0]), round(self._shift[1])
        found = self._patches.search(grey, x, y, REACH_PX)
        shift = _agreed(found)
        if shift is None:
            found = self._patches.search(grey, x, y, FAR_PX)
            shift = _agreed(found)
        return found, shift

    def _move(self, shift: Shift, at_ms: int) -> None:
        moved = max(abs(shift[0] - self._shift[0]), abs(shift[1] - self._shift[1]))
        if moved > STILL_PX:
            self._restless_ms = at_ms
        if moved > STILL_PX or at_ms - self._restless_ms <= CALM_MS:
            self._shift = shift

    def _judge(self, found: list[Found], *, agreed: bool) -> None:
        """Patches that go with the others are worth more."""
        for i, (score, dx, dy) in enumerate(found):
            with_others = agreed and score > SURE and max(abs(dx - self._shift[0]), abs(dy - self._shift[1])) < AGREES_PX
            self._worth[i] += 0.05 * ((score if with_others else 0.0) - self._worth[i])

    def _keep_best(self) -> None:
        order = sorted((i for i, worth in enumerate(self._worth) if worth >= LEAST_WORTH), key=lambda i: -self._worth[i])[:KEPT]
        self._proved = True
        self._patches = self._patches.kept(order)
        self._worth = [self._worth[i] for i in order]

    def _choose(self, grey: Grey, at_ms: int) -> None:
        """The most textured patch of each field of a grid, and the best of those; displaced like the frame they are taken from."""
        margin = FAR_PX + SIDE_PX
        if min(grey.shape) < 3 * margin:
            return
        fine = max(1, grey.shape[0] // FULL_ROWS)
        corner = cv2.cornerMinEigenVal(cv2.GaussianBlur(grey if fine == 1 else _reduced(grey, fine), (3, 3), 0), SIDE_PX // 2 * 2 + 1)
        best: list[tuple[float, int, int]] = []
        rows = np.linspace(margin / fine, (grey.shape[0] - margin) / fine, GRID[0] + 1).astype(int)
        columns = np.linspace(margin / fine, (grey.shape[1] - margin) / fine, GRID[1] + 1).astype(int)
        for top, bottom in itertools.pairwise(rows):
            for left, right in itertools.pairwise(columns):
                field = corner[top:bottom, left:right]
                row, column = divmod(int(field.argmax()), field.shape[1])
                place = ((int(top) + row) * fine - SIDE_PX // 2, (int(left) + column) * fine - SIDE_PX // 2)
                best.append((float(field[row, column]), *place))
        chosen = [place for place in sorted(best, reverse=True)[:CANDIDATES] if place[0] > LEAST_CORNER]
        dx, dy = round(self._shift[0]), round(self._shift[1])
        pictures = [grey[r : r + SIDE_PX, c : c + SIDE_PX].astype(np.float32) for _, r, c in chosen]
        self._patches = Patches(np.stack(pictures), [(r - dy, c - dx) for _, r, c in chosen]) if chosen else _NONE
        self._worth = [0.0] * len(chosen)
        self._shift = (float(dx), float(dy))
        self._proved = self._chosen_ms < 0
        self._chosen_ms = self._restless_ms = at_ms
        self._seen = 1.0

    def snapshot(self) -> dict[str, Any]:
        """Everything, msgpack-able."""
        return {
            "patches": self._patches.snapshot(), "worth": list(self._worth),
            "shift": list(self._shift), "seen": self._seen, "proved": self._proved,
            "at": [self._chosen_ms, self._restless_ms, self._frames, self._lost],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._patches = restored(state["patches"])
        self._worth, self._seen, self._proved = list(state["worth"]), state["seen"], state["proved"]
        self._shift = (float(state["shift"][0]), float(state["shift"][1]))
        self._chosen_ms, self._restless_ms, self._frames, self._lost = state["at"]


def _reduced(grey: Grey, by: int) -> Grey:
    """Means of `by` x `by` pixels."""
    return np.asarray(cv2.resize(grey, (grey.shape[1] // by, grey.shape[0] // by), interpolation=cv2.INTER_AREA), np.uint8)


def _agreed(found: list[Found]) -> Shift | None:
    """The displacement that at least half of the patches share, or a third of those on trial: in dense traffic most lie on vehicles."""
    sure = [(dx, dy) for score, dx, dy in found if score > SURE]
    if len(sure) < LEAST_PATCHES:
        return None
    x, y = (sorted(each)[len(sure) // 2] for each in zip(*sure, strict=True))
    near = _around(sure, x, y)
    if len(near) < max(LEAST_PATCHES, len(found) // 2):
        if len(found) <= KEPT:
            return None
        near = max((_around(sure, dx, dy) for dx, dy in sure), key=len)
        if len(near) < max(LEAST_PATCHES, len(found) // 3):
            return None
    return sum(dx for dx, _ in near) / len(near), sum(dy for _, dy in near) / len(near)


def _around(places: list[Shift], x: float, y: float) -> list[Shift]:
    return [(dx, dy) for dx, dy in places if max(abs(dx - x), abs(dy - y)) < AGREES_PX]
