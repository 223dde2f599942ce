"""What one picture says about its camera by itself: light, noise, sharpness, and its structure as a small picture without lighting."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

ROWS = 12
"""Rows that are compared frame by frame: whole ones lie together in memory, as many pixels strewn over the picture cost five times more."""
VIEW_COLUMNS, VIEW_ROWS = 128, 96
BURNT = 235
"""Full scale of limited-range video; what is above is white in either range."""
EDGE_SHARE = 0.995
"""Sharpness is judged by the strongest two hundredth of the steps: they are edges, whatever else is in the picture."""
NEAR_PX, FAR_PX = 1, 4
LOCAL = (17, 17)
FLAT_GREY = 6.0
"""Local contrast below some such standard deviation is no structure but noise and compression."""
NORMAL_MAD = 0.6745


@dataclass(frozen=True, slots=True)
class Light:
    """Mean grey and the share of burnt pixels."""

    mean: float
    burnt_share: float


def small(grey: Grey) -> Grey:
    """Some rows, untouched."""
    step = max(1, grey.shape[0] // ROWS)
    return grey[step // 2 :: step].copy()


def light(picture: Grey) -> Light:
    """Of a picture of `small`."""
    return Light(float(cv2.mean(picture)[0]), float(np.count_nonzero(picture >= BURNT)) / picture.size)


def spatial_noise(grey: Grey) -> float:
    """Standard deviation of the noise (grey levels): second differences along some rows, by their median, so that edges do not count."""
    rows = grey[:: max(1, grey.shape[0] // 24)].astype(np.int16)
    bent = np.abs(2 * rows[:, 1:-1] - rows[:, :-2] - rows[:, 2:])
    return _median(bent) / NORMAL_MAD / 6**0.5


def sharpness(grey: Grey) -> float:
    """How steep the strongest edges are: their step over NEAR_PX as a share of that over FAR_PX (at 360 rows), 0.25 .. 1.

    A Gaussian blur of sigma 3 px leaves 0.25-0.30 whatever the picture showed before; sharp cameras have 0.5-0.9, soft ones 0.35.
    """
    rows = grey[:: max(1, grey.shape[0] // 24)]
    scale = max(1, round(grey.shape[0] / 360))
    near, far = (_steps(rows, px * scale) for px in (NEAR_PX, FAR_PX))
    return near / max(far, 1.0)


def _steps(rows: Grey, px: int) -> float:
    upto = np.cumsum(histogram(cv2.absdiff(rows[:, px:], rows[:, :-px])))
    place = int(np.searchsorted(upto, EDGE_SHARE * upto[-1]))
    below = float(upto[place - 1]) if place else 0.0
    return place - 1 + (EDGE_SHARE * float(upto[-1]) - below) / max(float(upto[place]) - below, 1.0)


def histogram(picture: Grey | cv2.typing.MatLike) -> Floats:
    """How many pixels have each of the 256 greys."""
    return np.asarray(cv2.calcHist([picture], [0], None, [256], (0, 256)), np.float32).ravel()


def _median(values: NDArray[np.int16]) -> float:
    upto = np.cumsum(np.bincount(values.ravel()))
    place = int(np.searchsorted(upto, upto[-1] / 2))
    below = float(upto[place - 1]) if place else 0.0
    return max(place - 0.5 + (float(upto[-1]) / 2 - below) / max(float(upto[place]) - below, 1.0), 0.0) if place else 0.0


def structure(grey: Grey) -> tuple[Floats, Floats]:
    """(structure, brightness), each VIEW_ROWS x VIEW_COLUMNS: local contrast in local standard deviations, and the local mean grey."""
    step = max(1, grey.shape[0] // 170)
    tiny = cv2.resize(grey[::step, ::step], (VIEW_COLUMNS, VIEW_ROWS), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    mean = cv2.blur(tiny, LOCAL, borderType=cv2.BORDER_REFLECT_101)
    tiny -= mean
    deviation = cv2.sqrt(cv2.blur(tiny * tiny, LOCAL, borderType=cv2.BORDER_REFLECT_101))
    return np.asarray(tiny / (deviation + FLAT_GREY), np.float32), np.asarray(mean, np.float32)
