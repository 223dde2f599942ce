"""Small textured patches of the usual view, and where they are in a frame.

Near where a patch is expected its displacement is a least-squares fit (Lucas and Kanade, 1981): the window there is the patch by a
contrast, plus its two gradients by the displacement. All patches are fitted at once, in a tenth of the time of searching; the search
(normalised correlation) is for what has jumped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.road import Grey

SIDE_PX = 16
FITS_PX = 0.8
"""A fit holds up to such a displacement from where it was made; beyond, it says where to fit again."""
FOLLOWS = 0.1
FOLLOWS_BELOW_PX = 0.2

Floats = NDArray[np.float32]
Found = tuple[float, float, float]
"""Correlation, and displacement in x and y; correlation 0: out of sight, or nothing like it there."""
_NOWHERE: Found = (0.0, 0.0, 0.0)


class Patches:
    """State of one camera's patches: `pictures` (n, SIDE_PX, SIDE_PX), each at its (row, column) of `places`."""

    def __init__(self, pictures: Floats, places: Sequence[tuple[int, int]]) -> None:
        self._pictures = pictures
        self._places = list(places)
        self._windows = np.empty_like(pictures)
        self._settle()

    def __len__(self) -> int:
        return len(self._places)

    def kept(self, order: Sequence[int]) -> Patches:
        """Some of them."""
        return Patches(self._pictures[list(order)], [self._places[i] for i in order])

    def _settle(self) -> None:
        """Patch and gradients of each, free of their means, and what solves for a window's shares of them."""
        basis = np.zeros((len(self), 3, SIDE_PX, SIDE_PX), np.float32)
        basis[:, 0] = self._pictures
        basis[:, 1, :, 1:-1] = (self._pictures[:, :, 2:] - self._pictures[:, :, :-2]) / 2
        basis[:, 2, 1:-1] = (self._pictures[:, 2:] - self._pictures[:, :-2]) / 2
        self._basis = (basis - basis.mean(axis=(2, 3), keepdims=True)).reshape(len(self), 3, SIDE_PX * SIDE_PX)
        gram = self._basis @ self._basis.transpose(0, 2, 1) + np.eye(3, dtype=np.float32)
        self._solve = np.asarray(np.linalg.inv(gram), np.float32)

    def fit(self, grey: Grey, x: int, y: int) -> list[Found]:
        """Where each is, taken to be displaced by nearly (x, y) pixels."""
        sighted = []
        for i, (top, left) in enumerate(self._places):
            row, column = top + y, left + x
            inside = 0 <= row <= grey.shape[0] - SIDE_PX and 0 <= column <= grey.shape[1] - SIDE_PX
            sighted.append(inside)
            self._windows[i] = grey[row : row + SIDE_PX, column : column + SIDE_PX] if inside else 0.0
        window = self._windows.reshape(len(self), SIDE_PX * SIDE_PX, 1)
        window = window - window.mean(axis=1, keepdims=True)
        parts = self._basis @ window
        shares = self._solve @ parts
        total = (window * window).sum(axis=(1, 2))
        like = np.sqrt(np.maximum((shares * parts).sum(axis=(1, 2)), 0.0) / np.maximum(total, 1.0))
        contrast = shares[:, 0, 0]
        moved = -shares[:, 1:, 0] / np.maximum(contrast, 0.1)[:, None]
        found = zip(like.tolist(), moved[:, 0].tolist(), moved[:, 1].tolist(), contrast.tolist(), sighted, strict=True)
        return [(score, x + dx, y + dy) if inside and share > 0.1 else _NOWHERE for score, dx, dy, share, inside in found]

    def follow(self, found: Sequence[Found], x: int, y: int) -> None:
        """Take on a little of what the last `fit` at (x, y) saw, where patch and window lie on each other."""
        near = [i for i, (score, dx, dy) in enumerate(found) if score > 0 and max(abs(dx - x), abs(dy - y)) < FOLLOWS_BELOW_PX]
        if near:
            self._pictures[near] += np.float32(FOLLOWS) * (self._windows[near] - self._pictures[near])
            self._settle()

    def search(self, grey: Grey, x: int, y: int, reach: int) -> list[Found]:
        """Where each is, up to `reach` pixels around a displacement of (x, y)."""
        return [self._search(grey, i, x, y, reach) for i in range(len(self))]

    def _search(self, grey: Grey, i: int, x: int, y: int, reach: int) -> Found:
        top, left = self._places[i]
        row, column, side = top + y - reach, left + x - reach, SIDE_PX + 2 * reach
        if row < 0 or column < 0 or row + side > grey.shape[0] or column + side > grey.shape[1]:
            return _NOWHERE
        window = grey[row : row + side, column : column + side].astype(np.float32)
        scores = np.asarray(cv2.matchTemplate(window, self._pictures[i], cv2.TM_CCOEFF_NORMED))
        _, best, _, (right, down) = cv2.minMaxLoc(scores)
        if not 0 < right < 2 * reach or not 0 < down < 2 * reach or best > 1.01:
            return _NOWHERE
        dx, dy = _part(scores[down, right - 1 : right + 2].tolist()), _part(scores[down - 1 : down + 2, right].tolist())
        return float(best), x - reach + right + dx, y - reach + down + dy

    def snapshot(self) -> dict[str, Any]:
        """Everything, msgpack-able."""
        return {"pictures": pack(self._pictures), "places": [list(place) for place in self._places]}


def restored(state: dict[str, Any]) -> Patches:
    """The patches of a snapshot."""
    return Patches(unpack(state["pictures"]), [(int(row), int(column)) for row, column in state["places"]])


def _part(scores: list[float]) -> float:
    """Where between its neighbours the peak of three values lies, -0.5..0.5."""
    before, here, after = scores
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < -1e-6 else 0.0
