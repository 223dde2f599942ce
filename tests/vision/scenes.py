"""Drawn roads with known truth: textured rectangles on textured asphalt, seen from above, with sensor noise. All from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Homography

PX_PER_M = 8.0
WIDTH, HEIGHT = 200, 320
LEFT, RIGHT = 60.0, 144.0  # 10.5 m of road: three lanes
LINE_Y = 160.0
ROAD = ((LEFT, 0.0), (RIGHT, 0.0), (RIGHT, HEIGHT - 1.0), (LEFT, HEIGHT - 1.0))
GEOMETRY = CameraGeometry(
    (WIDTH, HEIGHT),
    (Carriageway("down", ROAD, (0.0, 1.0), 3, (LEFT, LINE_Y, RIGHT, LINE_Y)),),
    Homography(((0, 0), (80, 0), (80, 80), (0, 80)), ((0, 0), (10, 0), (10, 10), (0, 10))),
)
START_MS = 1_764_000_000_000

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A rectangle whose front passes the top of the picture at `enters_s`; it stops for good at `stops_m`, if given."""

    enters_s: float
    lane: int
    speed_m_s: float
    length_m: float = 4.4
    width_m: float = 1.8
    stops_m: float | None = None

    def front_m(self, at_s: float) -> float:
        """Metres of its front below the top of the picture."""
        front = (at_s - self.enters_s) * self.speed_m_s
        return front if self.stops_m is None else min(front, self.stops_m)


def frames(vehicles: list[Vehicle], seconds: float, fps: float, seed: int = 1) -> Iterator[tuple[int, Picture]]:
    """(at_ms, grey picture), one by one."""
    rng = np.random.default_rng(seed)
    road = _road(rng)
    coats = [_coat(rng, v) for v in vehicles]
    for i in range(round(seconds * fps)):
        picture = road.copy()
        for vehicle, coat in zip(vehicles, coats, strict=True):
            _paste(picture, coat, vehicle, i / fps)
        noise = rng.normal(0, 2.0, picture.shape)
        yield START_MS + round(i * 1000 / fps), np.clip(picture + noise, 0, 255).astype(np.uint8)


def true_occupancy(vehicles: list[Vehicle], at_s: float) -> float:
    """Share of the drawn road that is covered."""
    length = HEIGHT / PX_PER_M
    covered = 0.0
    for v in vehicles:
        front = v.front_m(at_s)
        covered += max(0.0, min(front, length) - max(front - v.length_m, 0.0)) * v.width_m
    return covered / (length * (RIGHT - LEFT) / PX_PER_M)


def _road(rng: np.random.Generator) -> NDArray[np.float64]:
    picture = np.full((HEIGHT, WIDTH), 70.0)
    picture[:, int(LEFT) : int(RIGHT)] = 105.0
    for lane in (1, 2):
        x = int(LEFT + lane * 28)
        for y in range(0, HEIGHT, 48):
            picture[y : y + 24, x : x + 2] = 200.0
    return picture + cv2.GaussianBlur(rng.normal(0, 8, picture.shape), (0, 0), 1.5)


def _coat(rng: np.random.Generator, vehicle: Vehicle) -> NDArray[np.float64]:
    """A body with bonnet, windscreen, roof and rear window, in a grey that is not the road's."""
    rows, columns = round(vehicle.length_m * PX_PER_M), round(vehicle.width_m * PX_PER_M)
    coat = np.full((rows, columns), float(rng.choice([30, 45, 180, 215])))
    coat[round(rows * 0.15) : round(rows * 0.3), 1:-1] -= 60 if coat[0, 0] > 128 else -50
    coat[round(rows * 0.7) : round(rows * 0.85), 1:-1] -= 40 if coat[0, 0] > 128 else -70
    return coat + rng.normal(0, 6, coat.shape)


def _paste(picture: NDArray[np.float64], coat: NDArray[np.float64], vehicle: Vehicle, at_s: float) -> None:
    """Sub-pixel placement along the travel."""
    front = vehicle.front_m(at_s) * PX_PER_M
    top = front - coat.shape[0]
    if front <= 0 or top >= HEIGHT:
        return
    whole, part = int(np.floor(top)), top - np.floor(top)
    padded = np.vstack([coat[:1], coat, coat[-1:]])
    moved = padded[1:] * (1 - part) + padded[:-1] * part
    x = round(LEFT + (vehicle.lane + 0.5) * 28 - coat.shape[1] / 2)
    first, last = max(whole, 0), min(whole + len(moved) - 1, HEIGHT)
    if last > first:
        picture[first:last, x : x + coat.shape[1]] = moved[first - whole : last - whole]
