"""Vehicles as pictures: boxes seen in perspective, shaded by face, drawn once for each place on the road and kept.

A vehicle's look depends on where it stands, so places are rounded to buckets a few per cent of distance apart; the picture is then pasted
where the vehicle really is. A shadow is a mask: its pixels are taken from the shaded background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.road.camera import Camera
from simulators.road.model import Way
from simulators.road.vehicles import BUS, CAR, KINDS, MOTORBIKE

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Paint = tuple[float, float, float]
Colour = tuple[float, float, float, float]  # with opacity

NEAREST_M, FARTHEST_M = 6.0, 72.0  # of a vehicle's centre
STEP = 1.08  # ratio of distance from one bucket to the next
ANGLE_STEP = 0.1  # of x / y
DISTANCES = int(np.ceil(np.log(FARTHEST_M / NEAREST_M) / np.log(STEP))) + 1
ANGLES = 32
_SUPER, _LARGE_PX = 3, 3000  # drawn at three times the size, unless it is large anyway
_ASPHALT = 0x00525252  # transparent, but of the road's colour, so that edges have no fringe
_SUN = (0.45, 0.12)  # metres of shadow, x and y, for each metre of height
_PAINTS: tuple[Paint, ...] = ((40, 40, 44), (200, 200, 198), (60, 60, 170), (150, 90, 50), (120, 124, 126), (70, 120, 60))
_SHIRTS: tuple[Paint, ...] = ((180, 120, 70), (90, 90, 200), (205, 205, 200), (60, 66, 70), (110, 170, 190), (150, 110, 160))
_BUSES: tuple[Paint, ...] = ((80, 190, 100), (60, 170, 220), (190, 190, 186))
_DARK, _GLASS, _TYRE, _SKIN = (48, 46, 44), (58, 50, 44), (30, 30, 30), (120, 150, 190)
_LAMP, _TAIL = (235, 245, 250), (40, 40, 200)


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a vehicle: half width, from..to along (from the rear, forwards), from..to up, metres; `x` off its middle."""

    half_m: float
    rear_m: float
    front_m: float
    low_m: float
    high_m: float
    colour: Paint
    x_m: float = 0.0


class Patch(NamedTuple):
    """Pixels to paste where `mask` is set, with their corner at the anchor pixel plus (left, top). A shadow's come from elsewhere."""

    left: int
    top: int
    width: int
    height: int
    mask: Picture
    picture: Picture | None = None


class Sprite(NamedTuple):
    """One look of one vehicle."""

    body: Patch
    shadow: Patch


def boxes(kind: int, colour: int) -> list[Box]:
    """The parts of a vehicle."""
    if kind == MOTORBIKE:
        return _motorbike(colour)
    if kind == CAR:
        return _car(_PAINTS[colour])
    return _bus(_BUSES[colour]) if kind == BUS else _truck(_PAINTS[colour + 1])


def _motorbike(colour: int) -> list[Box]:
    shirt, frame = _SHIRTS[colour], _PAINTS[(colour * 5 + 2) % 6]
    parts = [
        Box(0.08, 0.0, 0.6, 0.0, 0.6, _TYRE), Box(0.08, 1.4, 2.0, 0.0, 0.6, _TYRE), Box(0.2, 0.25, 1.6, 0.35, 0.85, frame),
        Box(0.3, 0.75, 1.2, 0.4, 0.8, _DARK), Box(0.27, 0.6, 1.0, 0.8, 1.35, shirt), Box(0.14, 0.68, 0.96, 1.37, 1.66, _PAINTS[colour]),
        Box(0.38, 1.2, 1.32, 0.92, 1.06, shirt), Box(0.1, 1.55, 1.62, 0.75, 0.95, _LAMP), Box(0.08, 0.2, 0.26, 0.6, 0.72, _TAIL),
    ]  # fmt: skip
    if colour % 3 == 1:  # a passenger behind
        parts += [Box(0.26, 0.2, 0.55, 0.8, 1.3, _SHIRTS[(colour + 3) % 6]), Box(0.13, 0.26, 0.5, 1.3, 1.56, _PAINTS[(colour + 1) % 6])]
    elif colour % 3 == 2:  # a delivery box
        parts.append(Box(0.36, 0.0, 0.55, 0.8, 1.35, _BUSES[colour % 2]))
    return parts


def _car(paint: Paint) -> list[Box]:
    wheels = [Box(0.12, rear, rear + 0.65, 0.0, 0.4, _TYRE, x) for rear in (0.5, 3.1) for x in (-0.76, 0.76)]
    lamps = [Box(0.17, 4.26, 4.31, 0.5, 0.68, _LAMP, x) for x in (-0.62, 0.62)] + [
        Box(0.15, -0.01, 0.03, 0.55, 0.72, _TAIL, x) for x in (-0.66, 0.66)
    ]
    body = [Box(0.87, 0.0, 4.3, 0.22, 0.82, paint), Box(0.74, 0.7, 3.2, 0.82, 1.3, _GLASS), Box(0.69, 1.0, 2.7, 1.3, 1.46, paint)]
    plates = [Box(0.25, 4.28, 4.32, 0.3, 0.42, (220, 220, 220)), Box(0.25, -0.02, 0.02, 0.38, 0.5, (220, 220, 220))]
    return wheels + body + lamps + plates


def _bus(paint: Paint) -> list[Box]:
    return [
        *(Box(0.15, rear, rear + 1.0, 0.0, 0.5, _TYRE, x) for rear in (1.6, 7.2) for x in (-1.06, 1.06)),
        Box(1.22, 0.0, 9.5, 0.3, 1.35, paint),
        Box(1.2, 0.02, 9.48, 1.35, 2.45, _GLASS),
        Box(1.22, 0.0, 9.5, 2.45, 3.05, (215, 216, 212)),
        Box(0.8, 3.0, 6.0, 3.05, 3.3, (170, 172, 172)),  # air conditioner
        Box(0.9, 9.47, 9.53, 2.55, 2.9, (40, 160, 220)),  # line number
        *(Box(0.22, 9.46, 9.52, 0.6, 0.85, _LAMP, x) for x in (-0.85, 0.85)),
        *(Box(0.18, -0.02, 0.02, 0.8, 1.1, _TAIL, x) for x in (-0.95, 0.95)),
    ]


def _truck(paint: Paint) -> list[Box]:
    return [
        *(Box(0.18, rear, rear + 0.95, 0.0, 0.55, _TYRE, x) for rear in (0.8, 5.6) for x in (-0.95, 0.95)),
        Box(1.05, 0.2, 5.2, 0.5, 0.75, _DARK),
        Box(1.15, 0.0, 5.0, 0.75, 2.9, (196, 192, 178)),
        Box(1.05, 5.2, 7.0, 0.45, 1.3, paint),
        Box(1.0, 5.3, 6.9, 1.3, 2.0, _GLASS),
        Box(1.05, 5.2, 6.9, 2.0, 2.3, paint),
        *(Box(0.18, 6.98, 7.02, 0.6, 0.82, _LAMP, x) for x in (-0.8, 0.8)),
        *(Box(0.15, -0.02, 0.02, 0.6, 0.75, _TAIL, x) for x in (-0.9, 0.9)),
    ]


def make_sprite(
    camera: Camera, kind: int, colour: int, way: Way, place: tuple[float, float], pixels: Callable[[Picture], Picture]
) -> Sprite:
    """The vehicle with the middle of its footprint at `place`; `pixels` turns BGR into what the camera delivers."""
    x, y = place
    corners, shades = _faces(kind, colour, way, x > 0)
    points = np.stack(camera.project(corners[..., 0] + x, corners[..., 1] + y, corners[..., 2]), axis=-1)
    left, top = (int(v) for v in np.floor(points.min(axis=(0, 1)) - 1))
    right, bottom = (int(v) for v in np.ceil(points.max(axis=(0, 1)) + 2))
    width, height = right - left, bottom - top
    fine = _SUPER if width * height < _LARGE_PX else 1
    canvas = np.full((height * fine, width * fine), _ASPHALT, np.uint32).view(np.uint8).reshape(height * fine, width * fine, 4)
    exact = np.round((points - (left, top)) * fine * 16).astype(np.int32)
    for face, shade in zip(exact, shades, strict=True):
        cv2.fillConvexPoly(canvas, face, shade, cv2.LINE_8, 4)
    small = canvas if fine == 1 else cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    mask = np.asarray(cv2.inRange(small[..., 3], 110, 255), np.uint8)
    anchor_u, anchor_v = camera.point(x, y)
    u, v = round(anchor_u), round(anchor_v)
    picture = pixels(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGRA2BGR), np.uint8))
    return Sprite(Patch(left - u, top - v, width, height, mask, picture), _shadow(camera, kind, place, (u, v)))


@cache
def _faces(kind: int, colour: int, way: Way, on_the_right: bool) -> tuple[Floats, list[Colour]]:
    """Corners about the middle of the footprint, shape (faces, 4, 3), and colours with opacity. The inner side of each part, its near face
    and its top: all that a camera above the median and in front can see."""
    quads, shades, length = [], [], KINDS[kind].length_m
    for box in sorted(boxes(kind, colour), key=lambda box: (round(box.low_m, 1), -box.rear_m if way == "away" else box.front_m)):
        near, far = (box.rear_m, box.front_m) if way == "away" else (length - box.front_m, length - box.rear_m)
        near, far, low, high = near - length / 2, far - length / 2, box.low_m, box.high_m
        x0, x1 = box.x_m - box.half_m, box.x_m + box.half_m
        side, lit = (x0, 0.62) if on_the_right else (x1, 0.9)
        quads += [
            [(side, near, low), (side, far, low), (side, far, high), (side, near, high)],
            [(x0, near, low), (x1, near, low), (x1, near, high), (x0, near, high)],
            [(x0, near, high), (x1, near, high), (x1, far, high), (x0, far, high)],
        ]
        shades += [_shaded(box.colour, lit), _shaded(box.colour, 0.78), _shaded(box.colour, 1.12)]
    return np.array(quads), shades


def _shaded(colour: Paint, shade: float) -> Colour:
    return min(255.0, colour[0] * shade), min(255.0, colour[1] * shade), min(255.0, colour[2] * shade), 255.0


def _shadow(camera: Camera, kind: int, place: tuple[float, float], anchor: tuple[int, int]) -> Patch:
    """The shadow on the ground: the footprint swept along the sun's direction."""
    shape, (x, y) = KINDS[kind], place
    dx, dy = shape.width_m / 2 * 0.9, shape.length_m / 2
    foot = np.array([(x - dx, y - dy), (x + dx, y - dy), (x - dx, y + dy), (x + dx, y + dy)])
    ground = np.concatenate((foot, foot + np.array(_SUN) * shape.height_m))
    points = np.stack(camera.project(ground[:, 0], ground[:, 1], np.zeros(8)), axis=1)
    left, top = (int(v) for v in np.floor(points.min(axis=0)))
    right, bottom = (int(v) for v in np.ceil(points.max(axis=0) + 1))
    mask = np.zeros((bottom - top, right - left), np.uint8)
    hull = cv2.convexHull(np.round((points - (left, top)) * 16).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, (255,), cv2.LINE_8, 4)
    return Patch(left - anchor[0], top - anchor[1], right - left, bottom - top, mask)
