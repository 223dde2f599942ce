"""How fast the covered cells travel: patches of the road picture, background removed, matched along the road.

On a grid in metres the match runs over displacements along the travel only, first over one look (fast traffic), then over four for
what hardly moved (crawling traffic; sub-cell peaks lock to zero over one frame). On a grid in pixels a dense optical flow gives
pixels per second.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stream_processor.core.vision.geometry import Point
from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.road import RoadView

FASTEST_M_S = 48.0
"""Of the picture on the ground: 130 km/h, of the upper parts of a car under a low camera, which seem faster than its wheels."""
BACKWARDS_M_S = 6.0
SURE = 0.6
"""Correlation from here on counts: half of a vehicle's patch changes its look between two looks at most."""
LONG_LAG = 4
SPARSE = 2
"""Speeds are kept for every second cell each way; the patches overlap far more than that."""
CRAWL_CELLS = 2.5
LONGEST_GAP_MS = 1_000

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Speeds:
    """Speed along the travel (m/s, or px/s on a grid in pixels) where `known`, for every SPARSE-th cell of the grid each way."""

    value: Floats
    known: Mask


@dataclass(frozen=True, slots=True)
class _Look:
    at_ms: int
    difference: Floats
    covered: Mask


class RoadMotion:
    """Speeds on a grid in metres."""

    def __init__(self, view: RoadView) -> None:
        self._cell_m = view.cell_m
        self._window = (_odd(1.6 / view.cell_m), _odd(4.0 / view.cell_m))
        self._flat = (_odd(2.4 / view.cell_m), _odd(3.2 / view.cell_m))
        self._past: deque[_Look] = deque(maxlen=LONG_LAG)

    def look(self, difference: Floats, covered: Mask, at_ms: int, *, measure: bool = True) -> Speeds:
        """Speeds of cells covered now, from where their patches were before; `measure` False only remembers this look."""
        near = cv2.dilate(covered.astype(np.uint8), _AROUND) > 0
        shape = difference - cv2.blur(difference, self._flat, borderType=cv2.BORDER_REFLECT_101)
        now = _Look(at_ms, np.where(near, shape, 0).astype(np.float32), covered)
        if self._past and at_ms - self._past[-1].at_ms > LONGEST_GAP_MS:
            self._past.clear()
        speeds = self._measure(now) if measure and self._past and covered.any() else nothing(covered.shape)
        self._past.append(now)
        return speeds

    def _measure(self, now: _Look) -> Speeds:
        last = self._past[-1]
        moved, sure = self._match(last, now, FASTEST_M_S)
        value = moved * (self._cell_m * 1000 / (now.at_ms - last.at_ms))
        crawling = sure & (np.abs(moved) < CRAWL_CELLS)
        far = self._past[0]
        if crawling.any() and far.at_ms < last.at_ms:
            limit_m_s = (CRAWL_CELLS + 1.5) * self._cell_m * 1000 / (now.at_ms - last.at_ms)
            slow, slow_sure = self._match(far, now, limit_m_s)
            slow_value = slow * (self._cell_m * 1000 / (now.at_ms - far.at_ms))
            use = crawling & slow_sure
            value, sure = np.where(use, slow_value, value), np.where(crawling & ~slow_sure, False, sure)
        return Speeds(value.astype(np.float32), sure & now.covered[::SPARSE, ::SPARSE])

    def _match(self, before: _Look, now: _Look, limit_m_s: float) -> tuple[Floats, Mask]:
        """(cells moved along the travel, whether sure) for every SPARSE-th cell of `now`: normalised correlation of patches.

        The displacements are the channels of one picture: one blur serves all of them.
        """
        span_s = (now.at_ms - before.at_ms) / 1000
        rows, columns = now.difference.shape
        forward = min(rows - 2, int(np.ceil(limit_m_s * span_s / self._cell_m)))
        backward = min(rows - 2, max(2, int(np.ceil(min(BACKWARDS_M_S, limit_m_s) * span_s / self._cell_m))))
        steps = np.arange(forward, -backward - 1, -1)
        padded = np.zeros((rows + forward + backward, columns), np.float32)
        padded[forward : forward + rows] = before.difference
        shifted = sliding_window_view(padded, len(steps), axis=0)
        product = np.empty((rows, columns, len(steps)), np.float32)  # contiguous: blurring a transposed view costs six times as much
        np.multiply(shifted, now.difference[..., None], out=product)
        product = self._blur(product)[::SPARSE, ::SPARSE]
        size = 1 / np.sqrt(self._blur(padded * padded) + 1.0)
        scores = product * sliding_window_view(size, len(steps), axis=0)[::SPARSE, ::SPARSE]
        own = 1 / np.sqrt(self._blur(now.difference * now.difference)[::SPARSE, ::SPARSE] + 1.0)
        return _peak(scores, own, steps)

    def _blur(self, picture: Floats) -> Floats:
        return np.asarray(cv2.blur(picture, self._window, borderType=cv2.BORDER_CONSTANT), np.float32)

    def snapshot(self) -> dict[str, Any]:
        """The looks that are still compared with."""
        return {"past": [[p.at_ms, pack(p.difference), pack(p.covered)] for p in self._past]}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._past = deque((_Look(at, unpack(d), unpack(c)) for at, d, c in state["past"]), maxlen=LONG_LAG)


class PictureMotion:
    """Movement on a grid in pixels, from one picture to the next."""

    def __init__(self, view: RoadView) -> None:
        self._px = view.px_per_cell
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setFinestScale(1)  # 0 costs four times as much for the same speeds
        self._last: tuple[int, NDArray[np.uint8]] | None = None
        self._moved: tuple[Floats, Mask] | None = None
        self._sparse = nothing(view.valid.shape)

    def remember(self, picture: NDArray[np.uint8], at_ms: int) -> None:
        """The picture that the next look is compared with."""
        self._last = (at_ms, picture)

    def look(self, picture: NDArray[np.uint8], covered: Mask, at_ms: int) -> None:
        """Measure what is covered."""
        last, self._last, self._moved = self._last, (at_ms, picture), None
        if last is None or at_ms - last[0] > LONGEST_GAP_MS or min(picture.shape) < 16 or not covered.any():
            return
        flow = self._flow.calc(picture, last[1], np.zeros((*picture.shape, 2), np.float32))
        sparse = np.asarray(flow, np.float32)[::SPARSE, ::SPARSE]
        self._moved = (sparse * np.float32(-self._px * 1000 / (at_ms - last[0])), covered[::SPARSE, ::SPARSE])

    def along(self, direction: Point | None) -> Speeds:
        """Pixels of the frame per second of every covered cell, along `direction` where there is one, else their size."""
        if self._moved is None:
            return self._sparse
        moved, known = self._moved
        if direction is None:
            return Speeds(np.hypot(moved[..., 0], moved[..., 1]), known)
        unit = np.asarray(direction, np.float32) / np.float32(np.hypot(*direction))
        return Speeds(np.asarray(moved @ unit, np.float32), known)

    def snapshot(self) -> dict[str, Any]:
        """The last picture."""
        return {"last": None if self._last is None else [self._last[0], pack(self._last[1])]}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        last = state["last"]
        self._last = None if last is None else (last[0], unpack(last[1]))


def nothing(shape: tuple[int, ...]) -> Speeds:
    """No speed known anywhere on a grid of `shape`."""
    sparse = (-(-shape[0] // SPARSE), -(-shape[1] // SPARSE))
    return Speeds(np.zeros(sparse, np.float32), np.zeros(sparse, bool))


def _peak(scores: Floats, own: Floats, steps: NDArray[np.int64]) -> tuple[Floats, Mask]:
    """Best step per cell with a parabola through its neighbours; the ends of the range are nobody's peak."""
    flat = scores.reshape(-1, len(steps))
    best = flat.argmax(axis=1)
    inner = np.clip(best, 1, len(steps) - 2)
    place = np.arange(len(flat)) * len(steps) + inner
    values, strength = flat.ravel(), own.ravel()
    left, middle, right = values[place - 1] * strength, values[place] * strength, values[place + 1] * strength
    bend = left - 2 * middle + right
    offset = np.where(bend < -1e-6, 0.5 * (left - right) / np.where(bend < -1e-6, bend, 1.0), 0.0)
    sure = (middle > SURE) & (best == inner)
    moved = (steps[inner] - np.clip(offset, -0.5, 0.5)).astype(np.float32)
    return moved.reshape(own.shape), np.asarray(sure).reshape(own.shape)


def _odd(cells: float) -> int:
    return max(3, 2 * round((cells - 1) / 2) + 1)


_AROUND = np.ones((5, 3), np.uint8)
