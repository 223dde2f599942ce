"""What a pixel looks like when nobody is on it: of the few grey values it shows, the one with the most weight.

Each pixel keeps MODES values with weights (a small histogram that follows its bins). A sample adds its weight to the value it is
close to, or takes the place of the weakest. Who calls decides how much a sample may teach: a vehicle-like patch next to nothing, so
that a standing queue does not become road for the better part of an hour.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.packing import pack, unpack

MODES = 3
NEAR_GREY = 9.0
"""Samples closer than this (of 255) are the same value: camera noise after compression is 2-3 grey levels rms."""
FULL_WEIGHT_S = 40.0
"""A value's weight saturates here, so a changed road wins after about as long."""
GAIN_SAMPLES = 1_000
GAIN_STEP = 0.02
GAIN_BINS = 35
"""Log ratios from -GAIN_BINS to +GAIN_BINS steps: brightness by factors 0.5 to 2."""

Floats = NDArray[np.float32]


class Background:
    """State of one grid of pixels. `value` is the likely road, `weight_s` the seconds of evidence for it."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._values = np.full((MODES, shape[0] * shape[1]), -1000, np.float32)
        self._weights = np.zeros((MODES, shape[0] * shape[1]), np.float32)
        self._best = np.zeros(shape[0] * shape[1], np.intp)
        self._settle()

    def _settle(self) -> None:
        """Value and weight of each pixel's best mode."""
        self._place = self._best * self._best.size + np.arange(self._best.size)
        self.value: Floats = self._values.take(self._place).reshape(self._shape)
        self.weight_s: Floats = self._weights.take(self._place).reshape(self._shape)

    @property
    def started(self) -> bool:
        """Whether it was taught anything."""
        return bool(self.weight_s.any())

    def learn(self, picture: Floats, seconds: Floats) -> None:
        """Teach `picture`, each pixel with the weight `seconds` (>= 0)."""
        seen, share = picture.ravel(), seconds.ravel()
        off = seen - self.value.ravel()
        usual = np.abs(off) < NEAR_GREY
        self._weights *= 1.0 - np.minimum(share / np.float32(FULL_WEIGHT_S), np.float32(1.0))
        taught = share * usual
        grown = self._weights.take(self._place) + taught
        self._weights.ravel()[self._place] = grown
        self._values.ravel()[self._place] += off * np.minimum(taught / np.maximum(grown, np.float32(1e-6)), np.float32(0.5))
        self._learn_unusual(np.flatnonzero(~usual), seen, share)
        self._settle()

    def _learn_unusual(self, at: NDArray[np.intp], seen: Floats, share: Floats) -> None:
        """Pixels that do not look like their best mode."""
        values, weights = self._values[:, at], self._weights[:, at]
        x, s = seen[at], share[at]
        distance = np.abs(values - x)
        nearest = distance.argmin(axis=0)
        known = distance.min(axis=0) < NEAR_GREY
        slot = np.where(known, nearest, weights.argmin(axis=0))
        column = np.arange(at.size)
        grown = np.where(known, weights[slot, column], 0) + s
        old = values[slot, column]
        values[slot, column] = np.where(known, old + (x - old) * np.minimum(s / np.maximum(grown, 1e-6), 0.5), x)
        weights[slot, column] = grown
        self._values[:, at], self._weights[:, at] = values, weights
        self._best[at] = weights.argmax(axis=0)

    def gain(self, picture: Floats, where: NDArray[np.bool_]) -> float:
        """By how much `picture` is brighter as a whole: the mode of the log ratio, so that vehicles on half the road do not pull it."""
        every = max(1, self._best.size // (2 * GAIN_SAMPLES))
        some, road = picture.ravel()[::every], self.value.ravel()[::every]
        usable = np.flatnonzero(where.ravel()[::every] & (road > 16) & (some > 8) & (some < 250))
        if usable.size < 32:
            return 1.0
        usable = usable[:: max(1, usable.size // GAIN_SAMPLES)]
        ratio = np.log(some[usable] / road[usable])
        bins = np.minimum(np.maximum(np.rint(ratio / GAIN_STEP), -GAIN_BINS), GAIN_BINS).astype(np.intp) + GAIN_BINS
        smooth = np.convolve(np.bincount(bins, minlength=2 * GAIN_BINS + 1), (1, 2, 3, 2, 1), "same")
        best = int(smooth.argmax())
        if smooth[best] < 0.75 * ratio.size:
            return 1.0  # no clear mode: a third of the samples within +-2 % would give as much
        near = np.sort(ratio[np.abs(ratio - (best - GAIN_BINS) * GAIN_STEP) < 4 * GAIN_STEP])
        if not near.size:
            return 1.0  # beyond the bins: another picture, no gain
        return float(np.exp((near[(near.size - 1) // 2] + near[near.size // 2]) / 2))

    def snapshot(self) -> dict[str, Any]:
        """Everything, msgpack-able."""
        return {"values": pack(self._values), "weights": pack(self._weights), "best": pack(self._best.astype(np.uint8))}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._values, self._weights = unpack(state["values"]), unpack(state["weights"])
        self._best = unpack(state["best"]).astype(np.intp)
        self._settle()
