"""What is configured per camera, and only that: where the road is, which way it runs, its scale, and what must not be seen.

A CAMERA.toml, everything optional except the frame size it was drawn for::

    frame_size = [352, 288]                      # pixels, width and height
    homography.image = [[..], [..], [..], [..]]  # four points in the picture …
    homography.metres = [[..], [..], [..], [..]] # … and the same four on the road
    masks = [[[x, y], [x, y], [x, y]]]           # polygons that nobody may see

    [[carriageways]]
    direction = "inbound"                        # names the traffic samples
    polygon = [[x, y], …]                        # its surface; left out: the whole picture
    direction_vector = [0, -1]                   # travel, x right, y down
    lanes = 3                                    # with the polygon this gives a scale of lanes x 3.5 m
    line = [x1, y1, x2, y2]                      # counting line; left out: across the middle of the polygon

Without a file the whole picture is one carriageway "all" of unknown scale.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from city_model.settings import between, load, matching

Point = tuple[float, float]
Polygon = tuple[Point, ...]
_Problem = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Homography:
    """Four points of the road plane: in the picture (pixels) and on the ground (metres)."""

    image: tuple[Point, ...]
    metres: tuple[Point, ...]

    def check(self) -> Iterator[_Problem]:
        for name, points in (("image", self.image), ("metres", self.metres)):
            if len(points) != 4:
                yield name, f"{len(points)} points", "4 points"
            elif any(abs(_cross(points[i], points[(i + 1) % 4], points[(i + 2) % 4])) < 1e-9 for i in range(4)):
                yield name, "three points on one line", "four corners in order around"


@dataclass(frozen=True, slots=True)
class Carriageway:
    """One direction of travel. An empty polygon is the whole picture."""

    direction: str = matching(r"[A-Za-z0-9_.-]{1,32}", "1..32 letters, digits, _ . -", default="all")
    polygon: Polygon = ()
    direction_vector: Point | None = None
    lanes: int | None = between(1, 12, default=None)
    line: tuple[float, float, float, float] | None = None

    def check(self) -> Iterator[_Problem]:
        if self.polygon and len(self.polygon) < 3:
            yield "polygon", f"{len(self.polygon)} points", "3 or more"
        if self.polygon and self.direction_vector is None:
            yield "direction_vector", "is missing", "the direction of travel, with a polygon"
        if self.direction_vector is not None and math.hypot(*self.direction_vector) < 1e-6:
            yield "direction_vector", "has no length", "[x, y], not both zero"
        if self.line is not None and math.hypot(self.line[2] - self.line[0], self.line[3] - self.line[1]) < 4:
            yield "line", "shorter than 4 pixels", "[x1, y1, x2, y2] across the carriageway"
        if self.line is not None and self.direction_vector is None:
            yield "direction_vector", "is missing", "the direction of travel, with a line"


@dataclass(frozen=True, slots=True)
class CameraGeometry:
    """Geometry of one camera, in pixels of a frame of `frame_size` (width, height); None: whatever comes."""

    frame_size: tuple[int, int] | None = None
    carriageways: tuple[Carriageway, ...] = field(default=(Carriageway(),))
    homography: Homography | None = None
    masks: tuple[Polygon, ...] = ()

    def check(self) -> Iterator[_Problem]:
        if self.frame_size is None and self != CameraGeometry():
            yield "frame_size", "is missing", "[width, height] of the picture the points were taken from"
        if self.frame_size is not None and not all(16 <= side <= 8192 for side in self.frame_size):
            yield "frame_size", str(list(self.frame_size)), "16..8192 each"
        names = [c.direction for c in self.carriageways]
        if not names or len(set(names)) < len(names):
            yield "carriageways", f"directions {names}", "at least one, each with a direction of its own"
        for i, mask in enumerate(self.masks):
            if len(mask) < 3:
                yield f"masks[{i}]", f"{len(mask)} points", "3 or more"
        yield from self._outside()

    def _outside(self) -> Iterator[_Problem]:
        if self.frame_size is None:
            return
        width, height = self.frame_size
        for i, way in enumerate(self.carriageways):
            points = [*way.polygon, *((way.line[:2], way.line[2:]) if way.line else ())]
            if any(not (-1 <= x <= width + 1 and -1 <= y <= height + 1) for x, y in points):
                yield f"carriageways[{i}]", "a point outside the picture", f"0..{width}, 0..{height}"

    def scaled(self, width: int, height: int) -> CameraGeometry:
        """The same geometry for frames of `width` x `height`."""
        if self.frame_size is None or self.frame_size == (width, height):
            return dataclasses.replace(self, frame_size=(width, height))
        fx, fy = width / self.frame_size[0], height / self.frame_size[1]
        homography = self.homography and dataclasses.replace(self.homography, image=_scale(self.homography.image, fx, fy))
        ways = tuple(_scaled_way(way, fx, fy) for way in self.carriageways)
        return CameraGeometry((width, height), ways, homography, tuple(_scale(mask, fx, fy) for mask in self.masks))


def load_geometry(path: Path | None) -> CameraGeometry:
    """Geometry from CAMERA.toml; None: the whole picture is one carriageway. Raises ConfigError with all problems."""
    return CameraGeometry() if path is None else load(CameraGeometry, path)


def whole_picture(width: int, height: int) -> Polygon:
    """The corners of a frame."""
    return ((0.0, 0.0), (width - 1.0, 0.0), (width - 1.0, height - 1.0), (0.0, height - 1.0))


def default_line(polygon: Polygon, direction: Point) -> tuple[float, float, float, float]:
    """Across the middle of `polygon`, perpendicular to `direction`, from edge to edge."""
    ux, uy = _unit(direction)
    along = [x * ux + y * uy for x, y in polygon]
    left, right = crossings(polygon, (ux, uy), (min(along) + max(along)) / 2)
    middle = (min(along) + max(along)) / 2
    ax, ay = middle * ux, middle * uy
    return (ax - left * uy, ay + left * ux, ax - right * uy, ay + right * ux)


def crossings(polygon: Polygon, unit: Point, along: float) -> tuple[float, float]:
    """Outermost positions across (axis (-uy, ux)) where the line at `along` on the axis `unit` cuts the polygon; nan without a cut."""
    cuts = []
    for (x1, y1), (x2, y2) in pairwise((*polygon, polygon[0])):
        a1, a2 = x1 * unit[0] + y1 * unit[1], x2 * unit[0] + y2 * unit[1]
        if min(a1, a2) <= along <= max(a1, a2) and a1 != a2:
            t = (along - a1) / (a2 - a1)
            cuts.append((y1 + t * (y2 - y1)) * unit[0] - (x1 + t * (x2 - x1)) * unit[1])
    return (min(cuts), max(cuts)) if cuts else (math.nan, math.nan)


def _unit(vector: Point) -> Point:
    length = math.hypot(*vector)
    return vector[0] / length, vector[1] / length


def _cross(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _scale(points: Polygon, fx: float, fy: float) -> Polygon:
    return tuple((x * fx, y * fy) for x, y in points)


def _scaled_way(way: Carriageway, fx: float, fy: float) -> Carriageway:
    vector = way.direction_vector and (way.direction_vector[0] * fx, way.direction_vector[1] * fy)
    line = way.line and (way.line[0] * fx, way.line[1] * fy, way.line[2] * fx, way.line[3] * fy)
    return dataclasses.replace(way, polygon=_scale(way.polygon, fx, fy), direction_vector=vector, line=line)
