"""What stands still in the picture: asphalt with markings, pavement, shophouses, trees. Painted once per camera, from its seed."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.road.camera import MEDIAN_M, Camera
from simulators.road.model import WIDE_SLOTS, WIDTH_M
from simulators.road.vehicles import SLOT_M

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

_M_PER_PX = 0.05
_LEFT_M, _NEAR_M, _FAR_M = 22.0, 8.0, 130.0  # the ground that is painted: x -22..22, y 8..130
_EDGE_M = MEDIAN_M / 2 + WIDTH_M
_SUPER = 2  # painted at twice the size, then averaged down
_ASPHALT, _PAVEMENT, _EARTH, _PAINT, _SHRUB = (92, 90, 88), (138, 146, 152), (86, 108, 104), (205, 208, 206), (58, 96, 70)
_FACADES = ((150, 188, 206), (176, 170, 160), (120, 160, 190), (190, 196, 170), (140, 150, 200), (165, 190, 180))


def background(camera: Camera, seed: int) -> Picture:
    """The empty road in daylight, BGR."""
    rng = np.random.default_rng([seed, 77])
    ground = _paint_ground(rng)
    big = replace(camera, width=camera.width * _SUPER, height=camera.height * _SUPER)
    corners = np.array([(-20.0, 12.0), (20.0, 12.0), (20.0, 120.0), (-20.0, 120.0)], np.float32)
    source = np.array([((x + _LEFT_M) / _M_PER_PX, (y - _NEAR_M) / _M_PER_PX) for x, y in corners], np.float32)
    target = np.array([big.point(float(x), float(y)) for x, y in corners], np.float32)
    warp = cv2.getPerspectiveTransform(source, target)
    warped = cv2.warpPerspective(ground, warp, (big.width, big.height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    picture = np.asarray(warped, np.uint8)
    for house_y in range(115, 16, -9):
        for side in (-1, 1):
            _shophouse(picture, big, rng, side, float(house_y))
    for tree_y in np.arange(110.0, 18.0, -8.5).tolist():
        for side in (-1, 1):
            _tree(picture, big, rng, side * (_EDGE_M + 1.7), tree_y + rng.uniform(-1, 1))
    small = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _paint_ground(rng: np.random.Generator) -> Picture:
    rows, columns = round((_FAR_M - _NEAR_M) / _M_PER_PX), round(2 * _LEFT_M / _M_PER_PX)
    x = (np.arange(columns, dtype=np.float32) + 0.5) * _M_PER_PX - _LEFT_M
    y = (np.arange(rows, dtype=np.float32) + 0.5) * _M_PER_PX + _NEAR_M
    image = np.empty((rows, columns, 3), np.float32)
    image[:] = _EARTH
    _strip(image, x, _EDGE_M, _EDGE_M + 3.4, _PAVEMENT)
    _strip(image, x, 0.0, _EDGE_M, _ASPHALT)
    image[:, np.abs(np.abs(x) - _EDGE_M - 0.1) < 0.12] = (176, 180, 182)  # kerb
    image *= (1 + _grain(rng, rows, columns))[..., None]
    _wear(image, rng, x, y)
    _markings(image, rng, x, y)
    _strip(image, x, 0.0, MEDIAN_M / 2 - 0.2, _SHRUB)
    image[:, np.abs(x) < MEDIAN_M / 2 - 0.2] *= (1 + 5 * _grain(rng, rows, 16))[..., None]  # leaves
    return np.clip(image, 0, 255).astype(np.uint8)


def _strip(image: Floats, x: Floats, inner_m: float, outer_m: float, colour: tuple[int, int, int]) -> None:
    image[:, (np.abs(x) >= inner_m) & (np.abs(x) < outer_m)] = colour


def _grain(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    """Texture at several sizes: stones, stains, long variations of the surface."""
    grain = np.zeros((rows, columns), np.float32)
    for cell_px, share in ((1, 0.05), (6, 0.05), (40, 0.05), (240, 0.04)):
        coarse = rng.standard_normal((rows // cell_px + 2, columns // cell_px + 2)).astype(np.float32)
        grain += share * cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return grain


def _wear(image: Floats, rng: np.random.Generator, x: Floats, y: Floats) -> None:
    """Polished wheel tracks in the wide lanes, repaired patches, shade of trees over the kerb."""
    for centre in (MEDIAN_M / 2 + 0.8, MEDIAN_M / 2 + 2.35):
        track = np.abs(np.abs(x) - centre) < 0.6
        image[:, track] *= (1 - 0.10 * np.exp(-(((np.abs(x[track]) - centre) / 0.3) ** 2)))[None, :, None]
    for _ in range(14):
        left, near = rng.uniform(-_EDGE_M + 1, _EDGE_M - 2), rng.uniform(12, 90)
        within = _rows_and_columns(x, y, (left, near), (left + rng.uniform(0.6, 2.4), near + rng.uniform(1, 6)))
        image[within] *= rng.uniform(0.78, 1.12)
    for centre_y in np.arange(14, 110, 8.5).tolist():
        within = _rows_and_columns(x, y, (_EDGE_M - 1.3, centre_y - 2.2), (_EDGE_M + 2.1, centre_y + 2.2))
        reach = ((x[within[1]] - _EDGE_M - 0.4) / 1.7)[None, :] ** 2 + ((y[within[0]] - centre_y) / 2.2)[:, None] ** 2
        image[within] *= np.where(reach < 1, 0.66, 1.0)[..., None].astype(np.float32)


def _rows_and_columns(x: Floats, y: Floats, low: tuple[float, float], high: tuple[float, float]) -> tuple[slice, slice]:
    """The part of the painted ground between two corners (x, y)."""
    rows, columns = np.searchsorted(y, (low[1], high[1])), np.searchsorted(x, (low[0], high[0]))
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


def _markings(image: Floats, rng: np.random.Generator, x: Floats, y: Floats) -> None:
    """Solid edge lines, a dashed line (3 m on, 5 m off) between the wide lane and the strips; paint worn away in places."""
    lane = MEDIAN_M / 2 + WIDE_SLOTS * SLOT_M
    solid = (np.abs(np.abs(x) - MEDIAN_M / 2 - 0.12) < 0.07) | (np.abs(np.abs(x) - _EDGE_M + 0.25) < 0.07)
    dashed = np.abs(np.abs(x) - lane) < 0.08
    painted = solid[None, :] | (dashed[None, :] & (y % 8 < 3)[:, None])
    opaque = np.clip(rng.normal(0.85, 0.15, painted.shape), 0.2, 1)[painted][:, None].astype(np.float32)
    image[painted] = image[painted] * (1 - opaque) + np.array(_PAINT, np.float32) * opaque


def _quad(picture: Picture, camera: Camera, corners: list[tuple[float, float, float]], colour: tuple[float, ...]) -> None:
    points = np.array([camera.point(*corner) for corner in corners])
    cv2.fillConvexPoly(picture, np.round(points * 16).astype(np.int32), colour, cv2.LINE_AA, 4)


def _shophouse(picture: Picture, camera: Camera, rng: np.random.Generator, side: int, y: float) -> None:
    """A narrow house of one to three storeys: the wall towards the camera, the facade towards the road, roof, openings."""
    x, back, deep = side * (_EDGE_M + 3.6), side * (_EDGE_M + 14.0), 8.4
    height = 3.6 * int(rng.integers(1, 4))
    colour = np.array(_FACADES[int(rng.integers(len(_FACADES)))]) * rng.uniform(0.75, 1.0)
    far = y + deep
    _quad(picture, camera, [(x, y, 0), (back, y, 0), (back, y, height), (x, y, height)], tuple(colour * 0.6))
    _quad(picture, camera, [(x, y, 0), (x, far, 0), (x, far, height), (x, y, height)], tuple(colour * 0.85))
    _quad(picture, camera, [(x, y, height), (back, y, height), (back, far, height), (x, far, height)], tuple(colour * 0.5 + 40))
    for storey in range(round(height / 3.6)):
        low, high = storey * 3.6 + (0.1 if storey == 0 else 1.0), storey * 3.6 + 2.7
        for begin in (0.8, 4.6):
            opening = [(x, y + begin, low), (x, y + begin + 2.8, low), (x, y + begin + 2.8, high), (x, y + begin, high)]
            _quad(picture, camera, opening, (64, 62, 60) if storey else tuple(rng.uniform(50, 130, 3)))
    _quad(picture, camera, [(x, y, 2.8), (x, far, 2.8), (x, far, 3.5), (x, y, 3.5)], tuple(rng.uniform(60, 210, 3)))


def _tree(picture: Picture, camera: Camera, rng: np.random.Generator, x: float, y: float) -> None:
    foot, top = camera.point(x, y), camera.point(x, y, 3.5)
    scale = abs(camera.point(x + 1, y, 4)[0] - camera.point(x, y, 4)[0])
    cv2.line(picture, _px(foot), _px(top), (52, 66, 78), max(1, round(scale * 0.25)), cv2.LINE_AA)
    for _ in range(26):
        dx, dy, z = rng.normal(0, 0.6), rng.normal(0, 0.6), rng.normal(4.2, 0.6)
        light = 0.7 + 0.25 * (z - 3.6) + rng.uniform(-0.15, 0.15)
        colour = tuple(float(c) for c in np.clip(np.array((48, 104, 68)) * light, 0, 255))
        cv2.circle(picture, _px(camera.point(x + dx, y + dy, z)), max(1, round(scale * rng.uniform(0.25, 0.55))), colour, -1, cv2.LINE_AA)


def _px(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])
