"""A rendered road for the suites: a pinhole camera at a known place, so its homography is exact, and flat cards that drive on the road.

World: x metres to the right, y metres ahead of the mast along the road, z metres up. The picture is grey.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Homography, Point

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
Corners = NDArray[np.float64]

TEXTURE_M = 0.06  # of the painted ground, per pixel
FARTHEST_M = 140.0
NOISE_SIGMA = 2.0
SENSOR_TILES = 64


@dataclass(frozen=True, slots=True)
class Mast:
    """A camera `height_m` above the road's middle plus `aside_m`, looking `tilt_rad` down; `focal` in picture widths."""

    width: int = 640
    height: int = 360
    height_m: float = 8.0
    tilt_rad: float = math.radians(15)
    focal: float = 1.1
    aside_m: float = 0.0

    def project(self, points: Corners) -> Corners:
        """Pixels (n, 2) of world points (n, 3)."""
        sin, cos, focal = math.sin(self.tilt_rad), math.cos(self.tilt_rad), self.focal * self.width
        x, y, below = points[:, 0] - self.aside_m, points[:, 1], self.height_m - points[:, 2]
        depth = y * cos + below * sin
        return np.stack([self.width / 2 + focal * x / depth, self.height / 2 + focal * (below * cos - y * sin) / depth], axis=1)

    def ground(self, points: Sequence[Point]) -> tuple[Point, ...]:
        """Pixels of points on the road."""
        world = np.array([(x, y, 0.0) for x, y in points], np.float64)
        return tuple((float(u), float(v)) for u, v in self.project(world))


@dataclass(frozen=True, slots=True)
class Road:
    """A straight carriageway from `near_m` to `far_m`, `lanes` of 3.5 m about the middle. `away`: traffic drives away from the camera."""

    near_m: float
    far_m: float
    lanes: int = 2
    away: bool = True

    @property
    def half_m(self) -> float:
        """Half its width."""
        return self.lanes * 1.75

    def geometry(self, mast: Mast) -> CameraGeometry:
        """What this camera would be configured with: four points of the road, its surface, its direction."""
        half = self.half_m
        metres = ((-half, self.near_m), (half, self.near_m), (half, self.far_m), (-half, self.far_m))
        corners = mast.ground(metres)
        (nx, ny), (fx, fy) = mast.ground([(0.0, self.near_m), (0.0, self.far_m)])
        sign = 1 if self.away else -1
        way = Carriageway("road", corners, (sign * (fx - nx), sign * (fy - ny)), self.lanes)
        return CameraGeometry((mast.width, mast.height), (way,), Homography(corners, metres))


@dataclass(frozen=True, slots=True)
class Card:
    """A cut-out that stands on the road, leaning back: `picture` and `opaque` (0..1), metres wide, high and deep."""

    picture: Floats
    opaque: Floats
    width_m: float
    high_m: float
    deep_m: float

    def corners(self, x: float, y: float) -> Corners:
        """Top left, top right, bottom right, bottom left, with the foot's middle at (x, y)."""
        half, top = self.width_m / 2, y + self.deep_m
        return np.array([(x - half, top, self.high_m), (x + half, top, self.high_m), (x + half, y, 0), (x - half, y, 0)], np.float64)


def ground_picture(mast: Mast, road: Road, rng: np.random.Generator) -> Floats:
    """The empty road: asphalt with grain, stains and markings, verges, and a hazy sky."""
    rows, columns = round(FARTHEST_M / TEXTURE_M), round(40 / TEXTURE_M)
    texture = np.full((rows, columns), 110.0, np.float32)
    x = (np.arange(columns) + 0.5) * TEXTURE_M - 20
    y = (np.arange(rows) + 0.5) * TEXTURE_M
    texture[:, np.abs(x) > road.half_m + 0.6] = 75.0
    for size, depth in ((1, 5.0), (6, 5.0), (40, 6.0)):
        grain = rng.standard_normal((rows // size + 2, columns // size + 2)).astype(np.float32)
        texture += depth * cv2.resize(grain, (columns, rows), interpolation=cv2.INTER_LINEAR)
    for lane in range(1, road.lanes):
        at = np.abs(x - (lane * 3.5 - road.half_m)) < 0.08
        texture[np.ix_(y % 9 < 3, at)] = 205.0
    texture[:, np.abs(np.abs(x) - road.half_m) < 0.09] = 200.0
    corners = [(-12.0, 6.0), (12.0, 6.0), (12.0, 100.0), (-12.0, 100.0)]
    source = np.array([((cx + 20) / TEXTURE_M, cy / TEXTURE_M) for cx, cy in corners], np.float32)
    warp = cv2.getPerspectiveTransform(source, 2 * np.array(mast.ground(corners), np.float32))
    big = cv2.warpPerspective(texture, warp, (2 * mast.width, 2 * mast.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(big, (mast.width, mast.height), interpolation=cv2.INTER_AREA), np.float32)


def paste(picture: Floats, card: Card, quad: Corners) -> None:
    """Draw `card` with its corners at the pixels `quad` (4, 2)."""
    left, top = np.maximum(np.floor(quad.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(quad.max(axis=0)).astype(int) + 2, (picture.shape[1], picture.shape[0]))
    if right - left < 2 or bottom - top < 2:
        return
    colour, opaque = _reduced(card, float(np.ptp(quad[:, 1])))
    high, wide = opaque.shape
    source = np.array([(-0.5, -0.5), (wide - 0.5, -0.5), (wide - 0.5, high - 0.5), (-0.5, high - 0.5)], np.float32)
    warp = cv2.getPerspectiveTransform(source, (quad - (left, top)).astype(np.float32))
    size = (int(right - left), int(bottom - top))
    alpha = cv2.warpPerspective(opaque, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    drawn = cv2.warpPerspective(colour, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    window = picture[top:bottom, left:right]
    window += alpha * (drawn - window)


def _reduced(card: Card, rows: float) -> tuple[Floats, Floats]:
    """The card's pixels, averaged down to about the size they are drawn in."""
    factor = min(1.0, max(rows, 2.0) / card.opaque.shape[0])
    if factor > 0.7:
        return card.picture, card.opaque
    size = (max(2, round(card.opaque.shape[1] * factor)), max(2, round(card.opaque.shape[0] * factor)))
    colour, opaque = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (card.picture, card.opaque))
    return np.asarray(colour, np.float32), np.asarray(opaque, np.float32)


class Sensor:
    """Noise of its own for every frame, from a few tiles."""

    def __init__(self, mast: Mast, rng: np.random.Generator) -> None:
        self._rng = rng
        self._size = (mast.height, mast.width)
        self._tile = rng.normal(0, NOISE_SIGMA, (mast.height + SENSOR_TILES, mast.width + SENSOR_TILES)).astype(np.float32)

    def expose(self, picture: Floats) -> Grey:
        """What comes out of the camera."""
        y, x = self._rng.integers(SENSOR_TILES, size=2)
        height, width = self._size
        return np.asarray(np.clip(picture + self._tile[y : y + height, x : x + width], 0, 255), np.uint8)


def draw(mast: Mast, empty: Floats, cards: Iterable[tuple[Card, float, float]], sensor: Sensor) -> Grey:
    """One frame with (card, x, y) on the road, the farthest first."""
    picture = empty.copy()
    for card, x, y in sorted(cards, key=lambda placed: -placed[2]):
        paste(picture, card, mast.project(card.corners(x, y)))
    return sensor.expose(picture)
