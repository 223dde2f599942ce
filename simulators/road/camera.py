"""The camera over the road: a pinhole at a known place, so its homography is exact. Says so as the CAMERA.toml of the vision.

World: x metres to the right of the median, y metres from the pole along the road, z metres up. Traffic keeps to the right,
so the direction that drives away from the camera is on the right of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.road.model import ENTRY_M, LINE_M, SEEN_M, WIDTH_M, Way
from simulators.road.spec import RoadSpec, read_spec

Floats = NDArray[np.float64]

NEAR_M = 14.0
FAR_M = NEAR_M + SEEN_M
MEDIAN_M = 1.2  # width of the strip between the directions
HEIGHT_M, TILT_RAD = 11.0, math.radians(22.0)
FOCAL_OF_WIDTH = 1.125  # focal length in picture widths: 48 degrees across


@dataclass(frozen=True, slots=True)
class Camera:
    """Projection for pictures of `width` x `height` pixels."""

    width: int
    height: int
    height_m: float = HEIGHT_M
    tilt_rad: float = TILT_RAD

    def project(self, x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Pixel columns and rows of world points."""
        sin, cos, focal = math.sin(self.tilt_rad), math.cos(self.tilt_rad), FOCAL_OF_WIDTH * self.width
        below = self.height_m - z
        depth = y * cos + below * sin
        return self.width / 2 + focal * x / depth, self.height / 2 + focal * (below * cos - y * sin) / depth

    def point(self, x: float, y: float, z: float = 0.0) -> tuple[float, float]:
        """One point."""
        u, v = self.project(np.array(x), np.array(y), np.array(z))
        return float(u), float(v)


def along_m(way: Way, from_entry_m: Floats) -> Floats:
    """World y of what is `from_entry_m` metres behind the entry of its direction."""
    return NEAR_M - ENTRY_M + from_entry_m if way == "away" else FAR_M + ENTRY_M - from_entry_m


def across_m(way: Way, from_median_m: Floats) -> Floats:
    """World x of what is `from_median_m` metres off the median strip in its direction."""
    side = MEDIAN_M / 2 + from_median_m
    return side if way == "away" else -side


def geometry_toml(spec: dict[str, Any]) -> str:
    """CAMERA.toml for the pictures of `spec`: homography, and for each direction its surface, travel, lanes and counting line."""
    road = read_spec(spec)
    camera = Camera(road.width, road.height)
    edge = MEDIAN_M / 2 + WIDTH_M
    corners = [(-edge, 20.0), (edge, 20.0), (edge, 45.0), (-edge, 45.0)]
    lines = [
        f"frame_size = [{road.width}, {road.height}]",
        f"homography.image = {_points([camera.point(x, y) for x, y in corners])}",
        f"homography.metres = {_points(corners)}",
    ]
    ways: tuple[Way, Way] = ("away", "towards")
    for traffic, way in zip(road.directions, ways, strict=False):
        lines += ["", "[[carriageways]]", f'direction = "{traffic.id}"', *_carriageway(camera, road, way)]
    return "\n".join(lines) + "\n"


def _carriageway(camera: Camera, road: RoadSpec, way: Way) -> list[str]:
    side = 1 if way == "away" else -1
    inner, outer = side * MEDIAN_M / 2, side * (MEDIAN_M / 2 + WIDTH_M)
    ground = [(inner, NEAR_M), (outer, NEAR_M), (outer, FAR_M), (inner, FAR_M)]
    line_y = float(along_m(way, np.array(LINE_M[way])))
    (x1, y1), (x2, y2) = camera.point(inner, line_y), camera.point(outer, line_y)
    middle = (inner + outer) / 2
    (nx, ny), (fx, fy) = camera.point(middle, line_y - 2), camera.point(middle, line_y + 2)
    return [
        f"polygon = {_points([_inside(road, camera.point(x, y)) for x, y in ground])}",
        f"direction_vector = {_points([(side * (fx - nx), side * (fy - ny))])[1:-1]}",
        "lanes = 2",
        f"line = [{x1:.2f}, {y1:.2f}, {x2:.2f}, {y2:.2f}]",
    ]


def _inside(road: RoadSpec, point: tuple[float, float]) -> tuple[float, float]:
    return min(max(point[0], 0.0), road.width - 1.0), min(max(point[1], 0.0), road.height - 1.0)


def _points(points: list[tuple[float, float]]) -> str:
    return "[" + ", ".join(f"[{x:.3f}, {y:.3f}]" for x, y in points) + "]"
