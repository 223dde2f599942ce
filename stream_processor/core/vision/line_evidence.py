"""How sure a cell is that a vehicle covers it: geometric mean of the difference to the road and of the fine texture in that difference.

Headlight pools, glare and soft shadows differ but change slowly from cell to cell; gaps between cars have edges around them but do not
differ. Texture is the energy of the difference's gradient: a pool that fades over a car's width has a tenth of a vehicle's.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.strip import UNIT_CELLS

EDGE_SHARE = 0.35
"""The difference is shrunk by this share of the road's local gradient: at one pixel of shake an edge differs by about that."""
NOISE_SHARE = 4.0
"""… and by this multiple of `Ground.noise`: one and a half standard deviations."""
WINDOW = 2 * round(0.45 * UNIT_CELLS) + 1
"""Texture is measured over nearly a car's width, in cells."""
TEXTURE_GAIN = 1.2
LEVEL_COLUMNS = 3
_HALF = WINDOW // 2
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)

Floats = NDArray[np.float32]


def differences(pictures: Floats, road: Floats, noise: Floats, valid: NDArray[np.bool_]) -> Floats:
    """`pictures` (frames, rows, columns) minus `road`, shrunk towards zero by the road's `noise` and where the road itself is steep."""
    steep = np.asarray(cv2.dilate(road, _CROSS) - cv2.erode(road, _CROSS), np.float32) * EDGE_SHARE
    bound = np.maximum(steep, noise * np.float32(NOISE_SHARE))
    apart = pictures - road
    apart -= np.minimum(np.maximum(apart, -bound), bound)
    apart *= valid
    return np.asarray(apart, np.float32)


def on_line(difference: Floats, row: int) -> Floats:
    """Evidence (frames, columns) at `row` of `difference` (frames, rows, columns), grey levels."""
    top = min(max(row - _HALF - 1, 0), difference.shape[1] - WINDOW - 2)
    wide = difference[:, top : top + WINDOW + 2]
    band = wide[:, 1:-1]
    down, along = wide[:, 2:] - wide[:, :-2], band[:, :, 2:] - band[:, :, :-2]
    energy = np.einsum("frc,frc->fc", down, down)
    energy[:, 1:-1] += np.einsum("frc,frc->fc", along, along)
    texture = np.float32(TEXTURE_GAIN) * np.sqrt(_along(energy * np.float32(1 / WINDOW), WINDOW))
    near = np.abs(difference[:, row - 1 : row + 2])
    level = _along((near[:, 0] + near[:, 1] + near[:, 2]) * np.float32(1 / 3), LEVEL_COLUMNS)
    return np.asarray(np.sqrt(level * texture), np.float32)


def everywhere(difference: Floats) -> Floats:
    """Evidence at every cell of one `difference` (rows, columns), or of several at once (rows, columns, frames)."""
    energy = np.zeros_like(difference)
    np.square(difference[2:] - difference[:-2], out=energy[1:-1])
    energy[:, 1:-1] += np.square(difference[:, 2:] - difference[:, :-2])
    texture = np.reshape(cv2.blur(energy, (WINDOW, WINDOW)), difference.shape)  # OpenCV drops a last axis of one
    level = np.reshape(cv2.blur(np.abs(difference), (LEVEL_COLUMNS, LEVEL_COLUMNS)), difference.shape)
    return np.asarray(np.sqrt(level * np.sqrt(np.maximum(texture, 0.0)) * np.float32(TEXTURE_GAIN)), np.float32)


def _along(values: Floats, columns: int) -> Floats:
    """Box mean along each row; box sums may end a hair below zero."""
    return np.asarray(np.maximum(cv2.blur(np.ascontiguousarray(values, np.float32), (columns, 1)), 0.0), np.float32)
