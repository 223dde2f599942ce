"""How sure a cell is that something stands or moves on it: geometric mean of difference and of the difference's texture.

Headlight pools and soft shadows differ but have no texture; gaps between cars have texture around them but do not differ.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

EDGE_SHARE = 0.35
"""The difference is shrunk by this share of the background's local gradient: at one pixel of shake an edge differs by about that."""
TEXTURE_GAIN = 1.6
"""Brings the standard deviation of a vehicle's patch to the size of its mean difference."""


def edges(background: Floats) -> Floats:
    """Local gradient of a background, grey levels per cell."""
    grown = cv2.dilate(background, _CROSS) - cv2.erode(background, _CROSS)
    return np.asarray(grown, np.float32)


def signed_difference(picture: Floats, background: Floats, edge: Floats) -> Floats:
    """`picture - background`, shrunk towards zero where the background itself is steep."""
    difference = picture - background
    shrunk = np.maximum(np.abs(difference) - EDGE_SHARE * edge, 0.0)
    return np.asarray(np.copysign(shrunk, difference), np.float32)


def evidence(difference: Floats, window: tuple[int, int]) -> Floats:
    """Grey levels >= 0 per cell; `window` = (columns, rows) of the neighbourhood texture is measured in."""
    mean = cv2.blur(difference, window, borderType=cv2.BORDER_REFLECT_101)
    square = cv2.blur(difference * difference, window, borderType=cv2.BORDER_REFLECT_101)
    texture = np.sqrt(np.maximum(square - mean * mean, 0.0)) * TEXTURE_GAIN
    level = cv2.blur(np.abs(difference), (3, 3), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(np.sqrt(level * texture), np.float32)


_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
