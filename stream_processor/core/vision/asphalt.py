"""The bare road's grey where no background is known yet: the commonest grey of its smooth cells, column by column.

Wheel tracks, lane lines and edge lines run along the road, so a column of the grid (seen from above) has one grey for tens of metres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMOOTH_STEP = 6.0
"""Neighbouring cells along the road that differ by less are smooth (grey levels of 255)."""
FAR_FROM_COMMON = 40
"""A column whose grey is farther than this from the whole road's is a lorry, not a wheel track."""
_BIN = 4
_BINS = 64

Floats = NDArray[np.float32]


def asphalt(picture: Floats, blocks: int, valid: NDArray[np.bool_]) -> Floats:
    """The road's grey for every cell, from `picture` cut into `blocks` stretches along the travel."""
    rows, columns = picture.shape
    flat = np.ones((rows + 1, columns), bool)  # whether the step to each row is small; what follows the last row does not count
    np.less(np.abs(picture[1:] - picture[:-1]), SMOOTH_STEP, out=flat[1:-1])
    smooth = flat[:-1] & flat[1:] & valid
    block = np.minimum(np.arange(rows) * blocks // rows, blocks - 1)
    bins = np.minimum(np.maximum(picture * np.float32(1 / _BIN), 0), _BINS - 1).astype(np.intp)
    place = (block[:, None] * columns + np.arange(columns)) * _BINS + bins
    counts = np.bincount(place[smooth], minlength=blocks * columns * _BINS).reshape(blocks, columns, _BINS).astype(np.float64)
    common = int(_peak(counts.sum(axis=(0, 1))))
    pooled = counts + 0.5 * np.roll(counts, 1, axis=1) + 0.5 * np.roll(counts, -1, axis=1) + 0.05 * counts.sum(axis=(0, 1)) / max(blocks, 1)
    grey = _peak(pooled)
    level = np.where(np.abs(grey - common) * _BIN > FAR_FROM_COMMON, common, grey) * _BIN + _BIN / 2
    return _between(level, rows).astype(np.float32)


def _between(level: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """`level` (blocks, columns), each at the middle of its block, for each of `rows`; the ends go on as they are."""
    blocks = len(level)
    if blocks == 1:
        return np.broadcast_to(level, (rows, level.shape[1]))
    place = np.clip(np.arange(rows) * blocks / rows - 0.5, 0, blocks - 1)
    below = np.minimum(place.astype(np.intp), blocks - 2)
    part = (place - below)[:, None]
    return np.asarray(level[below] * (1 - part) + level[below + 1] * part)


def _peak(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    padded = np.concatenate([counts[..., :1] * 0, counts, counts[..., :1] * 0], axis=-1)
    smoothed = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    return np.asarray(smoothed.argmax(axis=-1), np.int64)
