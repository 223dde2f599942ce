"""By how much a camera is displaced, told from what does not drive."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_processor.core.vision.steady import TRIAL_MS, Steady

HEIGHT, WIDTH, SIDE = 288, 352, 24
STANDING = [(40 + 60 * row, 34 + 260 * column) for row in range(2) for column in range(2)]
DRIVING, ROAD_LEFT, ROAD_RIGHT = 13, 64, 266
EVERY_MS = 40

Picture = NDArray[np.uint8]


def frames(count: int) -> Iterator[tuple[int, Picture, tuple[float, float]]]:
    """(at_ms, picture, displacement): most of what has texture drives, each at a speed of its own; the camera shakes by a pixel."""
    rng = np.random.default_rng(5)
    texture = [np.kron(rng.integers(0, 2, (6, 6)) * 170 + 40, np.ones((4, 4))) for _ in range(len(STANDING) + DRIVING)]
    lanes = [(34 + 18 * i, 17 * (i * 7 % 13), 25.0 + 6 * i) for i in range(DRIVING)]
    for i in range(count):
        picture = np.full((HEIGHT, WIDTH), 105.0)
        for (top, left), coat in zip(STANDING, texture, strict=False):
            picture[top : top + SIDE, left : left + SIDE] = coat
        for (top, left, px_s), coat in zip(lanes, texture[len(STANDING) :], strict=True):
            x = ROAD_LEFT + round(left + px_s * i * EVERY_MS / 1000) % (ROAD_RIGHT - ROAD_LEFT)
            picture[top : top + SIDE, x : x + SIDE] = coat
        shift = (float(np.sin(i * 0.9)), float(np.sin(i * 1.3 + 1)))
        smooth = cv2.GaussianBlur(picture, (0, 0), 1.0) + rng.normal(0, 2, picture.shape)
        moved = cv2.warpAffine(smooth, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        yield i * EVERY_MS, np.clip(moved, 0, 255).astype(np.uint8), shift


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


def test_the_few_that_stand_are_believed_where_most_of_the_picture_drives() -> None:
    steady = Steady()
    apart = []
    for at_ms, picture, true in frames(200):
        x, y = steady.look(picture, at_ms)
        if at_ms > TRIAL_MS:
            apart.append((x - true[0], y - true[1]))
    off = np.abs(np.array(apart) - np.median(apart, axis=0)).max(axis=1)
    assert np.quantile(off, 0.9) < 0.4
