"""Two-wheelers in swarms, cars and buses among them, on one carriageway under a camera at a known place, and what is true of them.

Vehicles stand on belts (`simulators.road.belt`), so none overlaps another; a belt is a strip of one or several slots of 1.05 m. Truth is
Edie's: flow is the way driven on the seen road times passenger-car units, by its length and time; occupancy the share of its surface
under the vehicles' footprints.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.road.belt import Belt, make_belt
from simulators.road.camera import MEDIAN_M, Camera
from simulators.road.scene import background
from simulators.road.sprites import ANGLE_STEP, ANGLES, FARTHEST_M, NEAREST_M, STEP, Patch, Sprite, make_sprite
from simulators.road.vehicles import KINDS, SLOT_M
from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Homography, Point

Grey = NDArray[np.uint8]
Floats = NDArray[np.float64]

SLOTS = 6
WIDTH_M = SLOTS * SLOT_M
LEFT_M = MEDIAN_M / 2
BEFORE_M = 15.0  # vehicles enter so far before the seen road
START_MS = 1_764_000_000_000
QUEUE_STANDS_S = 10.0
SHADE = 0.56
NOISE_SIGMA = 2.5
LENGTH, WIDE = np.array([k.length_m for k in KINDS]), np.array([k.width_m for k in KINDS])
PCU = np.array([(0.3, 1.0, 2.25)[k.sample_class] for k in KINDS])
"""As the vision's table has it: a camera sees no axles, so that 2.25 stands for all that is large."""


@dataclass(frozen=True, slots=True)
class Swarm:
    """Traffic on `belts`, each with the slot it begins at; drives away from the camera over `near_m` .. `far_m`."""

    belts: tuple[tuple[int, Belt], ...]
    near_m: float
    far_m: float

    def placed(self, at_s: float) -> Iterator[tuple[int, float, float, float]]:
        """(kind, x and y of the footprint's middle, draw) of all vehicles about the seen road."""
        for first, belt in self.belts:
            ran = float(belt.ran_m(np.array(at_s)))
            y = self.near_m - BEFORE_M + ran - belt.place_m - LENGTH[belt.kind] / 2
            spare = np.array([KINDS[k].slots for k in belt.kind]) * SLOT_M - WIDE[belt.kind]
            x = LEFT_M + first * SLOT_M + belt.slot * SLOT_M + WIDE[belt.kind] / 2 + spare * belt.draw
            for i in np.flatnonzero((y > self.near_m - BEFORE_M) & (y < self.far_m + BEFORE_M)):
                yield int(belt.kind[i]), float(x[i]), float(y[i]), float(belt.draw[i])

    def truth(self, from_s: float, to_s: float) -> tuple[float, float]:
        """(flow in PCU an hour, area occupancy) between two times."""
        length_m, flow, covered = self.far_m - self.near_m, 0.0, 0.0
        times = np.arange(from_s, to_s, 0.1)
        for at_s in times:
            for first, belt in self.belts:
                speed = float(np.interp(at_s, belt.time_s, belt.speed_m_s))
                front = self.near_m - BEFORE_M + float(belt.ran_m(np.array(at_s))) - belt.place_m
                inside = np.clip(np.minimum(front, self.far_m) - np.maximum(front - LENGTH[belt.kind], self.near_m), 0, None)
                flow += float((inside / LENGTH[belt.kind] * PCU[belt.kind]).sum()) * speed / length_m
                covered += float((inside * WIDE[belt.kind]).sum()) / (length_m * WIDTH_M)
                assert first < SLOTS
        return flow / len(times) * 3600, covered / len(times)

    def geometry(self, camera: Camera) -> CameraGeometry:
        """What this camera would be configured with."""
        metres = tuple((x, y) for x, y in self._corners())
        image = tuple(camera.point(x, y) for x, y in metres)
        middle = LEFT_M + WIDTH_M / 2
        (nx, ny), (fx, fy) = camera.point(middle, self.near_m), camera.point(middle, self.far_m)
        inside = tuple((min(max(x, 0.0), camera.width - 1.0), min(max(y, 0.0), camera.height - 1.0)) for x, y in image)
        way = Carriageway("swarm", inside, (fx - nx, fy - ny), 2)
        return CameraGeometry((camera.width, camera.height), (way,), Homography(image, metres))

    def _corners(self) -> Iterator[Point]:
        yield LEFT_M, self.near_m
        yield LEFT_M + WIDTH_M, self.near_m
        yield LEFT_M + WIDTH_M, self.far_m
        yield LEFT_M, self.far_m


def make_swarm(
    rng: np.random.Generator, shares: tuple[float, ...], veh_h: float, kmh: float, seen: tuple[float, float], seconds: float
) -> Swarm:
    """`shares`: of motorbikes, cars, buses, lorries; the last three keep to the inner three slots, motorbikes ride everywhere."""
    grid = np.arange(-60.0, seconds + 2.0)
    kinds = rng.choice(len(KINDS), round(veh_h * (seconds + 60) / 3600), p=np.array(shares) / sum(shares))
    at_s = np.sort(rng.uniform(-60, seconds, len(kinds)))
    strip = np.where((kinds == 0) & (rng.random(len(kinds)) < 0.7), rng.integers(1, 4, len(kinds)), 0)
    belts = []
    for number in range(4):
        mine = strip == number
        speed = kmh / 3.6 * (1 + 0.05 * np.sin(grid / 7 + number)) * (1.0, 1.05, 1.0, 0.93)[number]
        belt = make_belt(grid, speed, at_s[mine], kinds[mine], rng.random(int(mine.sum())), 3 if number == 0 else 1)
        belts.append((0 if number == 0 else number + 2, belt))
    return Swarm(tuple(belts), *seen)


def make_queue(rng: np.random.Generator, shares: tuple[float, ...], seen: tuple[float, float], seconds: float) -> tuple[Swarm, float]:
    """A platoon that arrives, and stands in line from the tenth second on; and its length (m) from the first front to the last rear.

    The line it stops at is where the seen road ends, or some metres before.
    """
    near_m, far_m = seen
    length_m = float(rng.uniform(0.45, 0.8)) * (far_m - near_m)
    beyond_m = float(rng.uniform(5.0, 8.0)) if rng.integers(2) else 0.0
    length_m = min(length_m, far_m - near_m - beyond_m - 1.0)
    stop_m = far_m - near_m - beyond_m
    grid = np.arange(-60.0, seconds + 2.0)
    speed = 8.0 * np.clip((QUEUE_STANDS_S - grid) / 4, 0, 1)
    run_m = np.concatenate(([0.0], np.cumsum((speed[1:] + speed[:-1]) / 2)))
    run_m += BEFORE_M + stop_m - run_m[-1]
    belts, tails = [], []
    for first, slots in ((0, 3), (3, 1), (4, 1), (5, 1)):
        row = list(_in_line(rng, shares, slots, length_m))
        place, kind, slot = (np.array(column) for column in zip(*row, strict=True))
        tails.append(float((place + LENGTH[kind]).max()))
        belts.append((first, Belt(grid, run_m, speed, place, kind, slot, rng.random(len(place)))))
    return Swarm(tuple(belts), *seen), max(tails)


def _in_line(rng: np.random.Generator, shares: tuple[float, ...], slots: int, length_m: float) -> Iterator[tuple[float, int, int]]:
    """(place, kind, slot) of vehicles one behind the other, as many motorbikes abreast as the strip has room for."""
    place = float(rng.uniform(0, 0.5))
    while True:
        kind = int(rng.choice(len(KINDS), p=np.array(shares) / sum(shares))) if slots > 1 else 0
        if place + LENGTH[kind] > length_m:
            kind = 0
        if place + LENGTH[kind] > length_m and place > 1.0:
            return
        abreast = slots if kind == 0 else 1
        for slot in range(abreast):
            yield place, kind, slot
        place += LENGTH[kind] + float(rng.uniform(0.4, 1.2) if kind == 0 else rng.uniform(0.8, 2.0))


class Painter:
    """Draws a swarm; looks of vehicles are drawn once for each place and kept."""

    def __init__(self, camera: Camera, seed: int) -> None:
        self._camera = camera
        self._lit = np.asarray(cv2.cvtColor(background(camera, seed), cv2.COLOR_BGR2GRAY), np.uint8)
        self._shaded = (self._lit * SHADE).astype(np.uint8)
        self._sprites: dict[tuple[int, ...], Sprite] = {}
        self._rng = np.random.default_rng([seed, 5])
        self._noise = self._rng.normal(0, NOISE_SIGMA, (camera.height + 64, camera.width + 64)).astype(np.float32)

    def paint(self, vehicles: Iterator[tuple[int, float, float, float]]) -> Grey:
        """One picture: shadows first, then vehicles from far to near."""
        seen = sorted((v for v in vehicles if NEAREST_M < v[2] < FARTHEST_M), key=lambda v: -v[2])
        picture = self._lit.copy()
        sprites = [(self._sprite(kind, x, y, draw), self._camera.point(x, y)) for kind, x, y, draw in seen]
        for sprite, (u, v) in sprites:
            _blit(picture, sprite.shadow, round(u), round(v), self._shaded)
        for sprite, (u, v) in sprites:
            _blit(picture, sprite.body, round(u), round(v), self._shaded)
        y0, x0 = self._rng.integers(64, size=2)
        noise = self._noise[y0 : y0 + self._camera.height, x0 : x0 + self._camera.width]
        return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)

    def _sprite(self, kind: int, x: float, y: float, draw: float) -> Sprite:
        colour = int(draw * 7919 % 1 * KINDS[kind].colours)
        step = round(math.log(y / NEAREST_M) / math.log(STEP))
        angle = min(max(math.floor(x / y / ANGLE_STEP) + ANGLES // 2, 0), ANGLES - 1)
        key = (kind, colour, step, angle)
        if key not in self._sprites:
            at_y = NEAREST_M * STEP**step
            at_x = (angle - ANGLES // 2 + 0.5) * ANGLE_STEP * at_y
            self._sprites[key] = make_sprite(self._camera, kind, colour, "away", (at_x, at_y), _grey)
        return self._sprites[key]


def _grey(picture: Grey) -> Grey:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _blit(picture: Grey, patch: Patch, u: int, v: int, shaded: Grey) -> None:
    x0, y0 = u + patch.left, v + patch.top
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x0 + patch.width, picture.shape[1]), min(y0 + patch.height, picture.shape[0])
    if right <= left or bottom <= top:
        return
    mask = patch.mask[top - y0 : bottom - y0, left - x0 : right - x0]
    source = shaded[top:bottom, left:right] if patch.picture is None else patch.picture[top - y0 : bottom - y0, left - x0 : right - x0]
    window = picture[top:bottom, left:right]
    np.copyto(window, source, where=mask > 0)
