"""The road under a strip: the mode of each cell's histogram of grey values, whatever passes over it.

A sample weighs by the seconds it stands for, more where it is still and flat along the travel: asphalt is, vehicles hardly ever are.
Weights fade only as far as something new is learned, so a road covered for an hour is not forgotten.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.packing import pack, unpack

BIN_GREY = 4
BINS = 64
FADES_S = 40.0
"""What was learned fades by a factor e when this many seconds more have been."""
NEIGHBOUR = 0.7
GAIN_SAMPLES = 256
GAIN_STEP = 0.02
GAIN_BINS = 35
"""Log ratios from -GAIN_BINS to +GAIN_BINS steps: brightness by factors 0.5 to 2."""
NOISE_QUANTILE = 0.3
"""Of the absolute difference to the road: 0.39 of a normal distribution's standard deviation."""
NOISE_FIRST, NOISE_MOST, NOISE_STEP = 0.6, 6.0, 0.2
_LARGE = 1e6
_LOG = np.log(np.maximum(np.arange(256, dtype=np.float32), 1.0))

Floats = NDArray[np.float32]


class Ground:
    """State of one strip. `value` is the likely road, `noise` what it flickers by, grey levels (rows, columns)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        cells = shape[0] * shape[1]
        self._shape = shape
        self._weights = np.zeros((cells, BINS + 2), np.float32)  # a bin of nothing at either end
        self._worth = np.ones(cells, np.float32)
        self._mode = np.ones(cells, np.intp)
        self._first = np.arange(cells) * (BINS + 2)
        self.value: Floats = np.zeros(shape, np.float32)
        self.noise: Floats = np.full(shape, NOISE_FIRST, np.float32)

    def watch(self, picture: Floats) -> None:
        """Follow what `picture`, freed of gain, differs by where nothing is: the lower NOISE_QUANTILE, so that traffic hardly counts."""
        above = np.abs(picture - self.value) > self.noise
        step = np.where(above, np.float32(NOISE_STEP * NOISE_QUANTILE), np.float32(-NOISE_STEP * (1 - NOISE_QUANTILE)))
        self.noise = np.minimum(np.maximum(self.noise + step, 0.0), NOISE_MOST)

    def learn(self, picture: Floats, seconds: Floats) -> None:
        """Teach `picture` (>= 0), each cell with the weight `seconds` (>= 0)."""
        seen = np.minimum(picture.ravel() * np.float32(1 / BIN_GREY), BINS - 1).astype(np.intp) + 1
        share = seconds.ravel()
        place = self._first + seen
        weights = self._weights.ravel()
        weights[place] = weights.take(place) + share * self._worth
        self._worth /= 1 - np.minimum(share * np.float32(1 / FADES_S), 0.5)  # instead of fading all the older bins
        better = self._around(seen) > self._around(self._mode)
        self._mode[better] = seen[better]
        if float(self._worth.max()) > _LARGE:
            self._weights /= self._worth[:, None]
            self._worth[:] = 1

    def _around(self, place: NDArray[np.intp]) -> Floats:
        weights, here = self._weights.ravel(), self._first + place
        return np.asarray(weights.take(here) + NEIGHBOUR * (weights.take(here - 1) + weights.take(here + 1)), np.float32)

    def settle(self) -> None:
        """Bring `value` up to date."""
        mode = self._mode
        low, here, high = (self._weights.ravel().take(self._first + mode + o) for o in (-1, 0, 1))
        centre = mode - 0.5 + (high - low) / np.maximum(low + here + high, 1e-9)
        self.value = (centre * BIN_GREY).astype(np.float32).reshape(self._shape)

    def doubt(self, share: float) -> None:
        """Keep only `share` of all that was learned."""
        self._weights *= share

    def gains(self, pictures: Floats, where: NDArray[np.bool_]) -> Floats:
        """By how much each of `pictures` (frames, rows, columns), whole grey levels, is brighter than the road: the mode of the log ratios.

        A mode is not pulled by vehicles on half the road; where there is none, 1.
        """
        usable = np.flatnonzero((where & (self.value > 16)).ravel())
        if usable.size < 32:
            return np.ones(len(pictures), np.float32)
        usable = usable[:: max(1, usable.size // GAIN_SAMPLES)]
        seen = pictures.reshape(len(pictures), -1).take(usable, axis=1).astype(np.uint8)
        ratio = _LOG.take(seen) - np.log(self.value.ravel().take(usable))
        width = 2 * GAIN_BINS + 5  # two bins of nothing at either end
        bins = np.minimum(np.maximum(np.rint(ratio / GAIN_STEP), -GAIN_BINS), GAIN_BINS).astype(np.intp) + (GAIN_BINS + 2)
        bins += np.arange(len(bins))[:, None] * width
        counts = np.bincount(bins.ravel(), minlength=len(bins) * width).reshape(-1, width)
        smooth = counts[:, :-4] + counts[:, 4:] + 2 * (counts[:, 1:-3] + counts[:, 3:-1]) + 3 * counts[:, 2:-2]
        best = smooth.argmax(axis=1)
        near = np.abs(ratio - ((best - GAIN_BINS) * GAIN_STEP)[:, None]) < 4 * GAIN_STEP
        clear = smooth.max(axis=1) >= 0.75 * usable.size  # a third of the samples within +-2 % give as much
        mean = (ratio * near).sum(axis=1) / np.maximum(near.sum(axis=1), 1)
        return np.exp(np.where(clear, mean, 0.0)).astype(np.float32)

    def snapshot(self) -> dict[str, Any]:
        """Everything, msgpack-able; histograms are mostly zeros, so they are compressed."""
        return {
            "weights": zlib.compress(self._weights.astype("<f4").tobytes(), 1), "worth": pack(self._worth),
            "mode": pack(self._mode.astype(np.uint8)), "value": pack(self.value), "noise": pack(self.noise),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._weights = np.frombuffer(zlib.decompress(state["weights"]), "<f4").astype(np.float32).reshape(-1, BINS + 2).copy()
        self._worth, self.value, self.noise = unpack(state["worth"]), unpack(state["value"]), unpack(state["noise"])
        self._mode = unpack(state["mode"]).astype(np.intp)
