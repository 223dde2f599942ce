"""What the camera would have seen: `frames(spec)` draws the vehicles of the road model into the scene, at their times and places.

A camera's child process calls `simulators.road.draw:frames` by name, as it would open a video file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.road.camera import Camera, across_m, along_m, geometry_toml
from simulators.road.model import DirectionModel, RoadModel, Way
from simulators.road.scene import background
from simulators.road.spec import RoadSpec, read_spec
from simulators.road.sprites import ANGLE_STEP, ANGLES, DISTANCES, FARTHEST_M, NEAREST_M, STEP, Patch, Sprite, make_sprite
from simulators.road.vehicles import KINDS, SLOT_M

__all__ = ["frames", "geometry_toml"]

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CHUNK_FRAMES = 24  # positions are computed for this many frames at once
_SHADE = (0.58, 0.54, 0.52)  # shadows are a little blue
_NOISE_SIGMA = 3.0  # grey levels, a small daylight sensor
_LENGTH, _WIDTH, _SLOTS, _COLOURS = (np.array([getattr(k, a) for k in KINDS]) for a in ("length_m", "width_m", "slots", "colours"))


def frames(spec: dict[str, Any]) -> Iterator[tuple[int, Picture]]:
    """(time in ms, picture) from `start_ms` up to before `stop_ms`, `fps` a second. Raises ConfigError on a wrong spec."""
    road = read_spec(spec)
    painter = _Painter(road)
    times_ms = frame_times(road)
    for begin in range(0, len(times_ms), _CHUNK_FRAMES):
        yield from painter.paint(times_ms[begin : begin + _CHUNK_FRAMES])


def frame_times(road: RoadSpec) -> Ints:
    """Frame times in ms: a fixed raster from `start_ms`."""
    number = int(np.ceil((road.stop_ms - road.start_ms) * road.fps / 1000))
    return road.start_ms + np.round(np.arange(number) * 1000 / road.fps).astype(np.int64)


def positions(direction: DirectionModel, times_ms: Ints) -> tuple[Floats, Floats, Ints, Ints]:
    """All vehicles that may be in the picture: x and y of the middle of the footprint, shape (times, n), kind and colour, shape (n,)."""
    at_s = (times_ms - direction.origin_ms) / 1000
    xs, ys, kinds, colours = [], [], [], []
    for number, belt in enumerate(direction.belts):
        ran = belt.ran_m(at_s)
        low, high = np.searchsorted(belt.place_m, [ran[0] - 90.0, ran[-1] + 40.0])
        kind, draw = belt.kind[low:high], belt.draw[low:high]
        front = ran[:, None] - belt.place_m[None, low:high]
        ys.append(along_m(direction.way, front - _LENGTH[kind] / 2))
        first = 0 if number == 0 else number + 2
        spare = _SLOTS[kind] * SLOT_M - _WIDTH[kind]
        wander = 0.8 * spare / 2 * np.sin(at_s[:, None] * (0.5 + draw) + 40 * draw)
        xs.append(across_m(direction.way, (first + belt.slot[low:high] + _SLOTS[kind] / 2) * SLOT_M + wander))
        kinds.append(kind)
        colours.append((draw * 7919 % 1 * _COLOURS[kind]).astype(np.int64))
    return np.concatenate(xs, axis=1), np.concatenate(ys, axis=1), np.concatenate(kinds), np.concatenate(colours)


class _Painter:
    """Everything that is prepared once: the scene lit and shaded, noise, and the vehicles drawn so far."""

    def __init__(self, road: RoadSpec) -> None:
        self._road = road
        self._camera = Camera(road.width, road.height)
        self._model = RoadModel(road)
        lit = background(self._camera, road.seed)
        self._lit = self._pixels(lit)
        self._shaded = self._pixels((lit * np.array(_SHADE)).astype(np.uint8))
        self._brighter, self._darker = _noise(road, self._lit.ndim)
        self._sprites: dict[int, Sprite] = {}

    def _pixels(self, picture: Picture) -> Picture:
        return picture if self._road.pixels == "bgr" else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)

    def paint(self, times_ms: Ints) -> Iterator[tuple[int, Picture]]:
        """One picture for each time."""
        columns = [self._columns(direction, times_ms) for direction in self._model.directions.values()]
        keys, us, vs, ys = (np.concatenate(parts, axis=1) for parts in zip(*columns, strict=True))
        for i, at_ms in enumerate(times_ms.tolist()):
            seen = np.flatnonzero((ys[i] > NEAREST_M) & (ys[i] < FARTHEST_M))
            order = seen[np.argsort(-ys[i, seen])]
            picture = self._lit.copy()
            self._paste(picture, keys[i, order].tolist(), us[i, order].tolist(), vs[i, order].tolist())
            yield at_ms, self._sensor(picture, at_ms)

    def _columns(self, direction: DirectionModel, times_ms: Ints) -> tuple[Ints, Ints, Ints, Floats]:
        """Sprite keys, anchor columns and rows, distances: shape (times, n)."""
        x, y, kind, colour = positions(direction, times_ms)
        u, v = self._camera.project(x, y, np.zeros_like(x))
        distance = np.round(np.log(np.clip(y, NEAREST_M, FARTHEST_M) / NEAREST_M) / np.log(STEP)).astype(np.int64)
        angle = np.clip(np.floor(x / np.maximum(y, NEAREST_M) / ANGLE_STEP).astype(np.int64) + ANGLES // 2, 0, ANGLES - 1)
        look = (kind * 8 + colour) * 2 + (direction.way == "towards")
        return (look * DISTANCES + distance) * ANGLES + angle, np.round(u).astype(np.int64), np.round(v).astype(np.int64), y

    def _paste(self, picture: Picture, keys: list[int], us: list[int], vs: list[int]) -> None:
        """Shadows first, then vehicles from far to near."""
        sprites = [self._sprites.get(key) or self._draw(key) for key in keys]
        for sprite, u, v in zip(sprites, us, vs, strict=True):
            _blit(picture, sprite.shadow, u, v, self._shaded)
        for sprite, u, v in zip(sprites, us, vs, strict=True):
            _blit(picture, sprite.body, u, v, self._shaded)

    def _draw(self, key: int) -> Sprite:
        rest, angle = divmod(key, ANGLES)
        look, distance = divmod(rest, DISTANCES)
        shape, towards = divmod(look, 2)
        kind, colour = divmod(shape, 8)
        way: Way = "towards" if towards else "away"
        y = NEAREST_M * STEP**distance
        x = (angle - ANGLES // 2 + 0.5) * ANGLE_STEP * y
        sprite = make_sprite(self._camera, kind, colour, way, (x, y), self._pixels)
        self._sprites[key] = sprite
        return sprite

    def _sensor(self, picture: Picture, at_ms: int) -> Picture:
        """Light drifts by a few per cent over minutes; every frame has noise of its own."""
        at_s = (at_ms - self._road.origin_ms) / 1000
        gain = 1 + 0.03 * np.sin(at_s / 41) + 0.015 * np.sin(at_s / 7.3)
        mixed = (at_ms * 0x9E3779B97F4A7C15 + self._road.seed * 0xBF58476D1CE4E5B9) >> 24
        dx, dy = mixed % 61, (mixed >> 8) % 59
        height, width = picture.shape[:2]
        cv2.convertScaleAbs(picture, picture, float(gain))
        cv2.add(picture, self._brighter[dy : dy + height, dx : dx + width], picture)
        cv2.subtract(picture, self._darker[dx : dx + height, dy : dy + width], picture)
        return picture


def _blit(picture: Picture, patch: Patch, u: int, v: int, shaded: Picture) -> None:
    """Paste `patch` at the anchor (u, v): its own pixels, or those of the shaded scene behind it."""
    left, top, width, height, mask, pixels = patch
    x0, y0 = u + left, v + top
    x1, y1 = x0 + width, y0 + height
    if x0 < 0 or y0 < 0 or x1 > picture.shape[1] or y1 > picture.shape[0]:
        cut = slice(max(-y0, 0), picture.shape[0] - y0), slice(max(-x0, 0), picture.shape[1] - x0)
        if cut[0].start >= min(height, cut[0].stop) or cut[1].start >= min(width, cut[1].stop):
            return
        mask, pixels = mask[cut], None if pixels is None else pixels[cut]
        x0, y0 = max(x0, 0), max(y0, 0)
        x1, y1 = x0 + mask.shape[1], y0 + mask.shape[0]
    if pixels is None:
        pixels = shaded[y0:y1, x0:x1]
    cv2.copyTo(pixels, mask, picture[y0:y1, x0:x1])


def _noise(road: RoadSpec, dimensions: int) -> tuple[Picture, Picture]:
    """Two tiles, larger than the picture: what is added and what is taken away, so that both stay in unsigned bytes."""
    rng = np.random.default_rng([road.seed, 99])
    shape = (road.height + 64, road.width + 64, 3)[: max(2, dimensions)]
    tiles = np.abs(rng.normal(0, _NOISE_SIGMA / np.sqrt(0.73), (2, *shape))) * (rng.random((2, *shape)) < 0.5)
    brighter, darker = np.round(tiles).astype(np.uint8)
    return brighter, darker
