"""The pixels around a counting line, so sampled that a car is UNIT_CELLS wide, travel towards rising rows.

A car's width at the line is the unit of everything that looks at it: cells are a ninth of it, the strip is DEPTH_UNITS deep on either
side. On a line that vehicles cross obliquely it is their extent along the line, which no lane width tells; `unit.py` learns it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Point, crossings, default_line
from stream_processor.core.vision.road import LANE_M, Grey, homography_matrix, project

CAR_M = 1.8
UNIT_CELLS = 9
DEPTH_UNITS = 1.8
LINE_UNITS = 4.5
"""Where nothing else is known a line is taken to be this many cars wide: lines across one to four lanes lie within a factor of 1.7."""
LEAST_UNIT_PX = 6.0
MAX_COLUMNS = 320
MARGIN_PX = 6
"""Pixels kept around the strip, for a camera that shakes."""
STRIDE_PX = 6.0
"""Cells coarser than this are sampled from every second or third pixel first: an area average of a high band costs more than the rest."""
FINE = 2
"""A cell is the mean of so many places a side, each between pixels: as good as the mean of all its pixels, in half the time."""

Line = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Strip:
    """A sampled counting line of frames of one size. `unit_px` is the width of a car at the line, `known_px` what geometry says it is."""

    line: Line
    direction: Point
    unit_px: float
    known_px: float | None
    valid: NDArray[np.bool_]
    box: tuple[int, int, int, int, int]
    map_x: NDArray[np.float32]
    map_y: NDArray[np.float32]
    hidden: tuple[tuple[Point, ...], ...]
    size: tuple[int, int]

    @property
    def middle(self) -> int:
        """The row of the line itself."""
        return int(self.valid.shape[0]) // 2

    @property
    def cell_px(self) -> float:
        """Pixels of the frame to a cell."""
        return math.hypot(self.line[2] - self.line[0], self.line[3] - self.line[1]) / int(self.valid.shape[1])

    def look(self, grey: Grey, shift_px: Point = (0.0, 0.0)) -> Grey:
        """The strip's picture; `shift_px` is by how much the whole frame is displaced against the usual one."""
        top, bottom, left, right, stride = self.box
        map_x, map_y = self.map_x, self.map_y
        if shift_px != (0.0, 0.0):
            dx = min(max(round(shift_px[0]), -left), self.size[0] - right)
            dy = min(max(round(shift_px[1]), -top), self.size[1] - bottom)
            top, bottom, left, right = top + dy, bottom + dy, left + dx, right + dx
            map_x = map_x + np.float32((shift_px[0] - dx) / stride)
            map_y = map_y + np.float32((shift_px[1] - dy) / stride)
        return _averaged(grey[top:bottom:stride, left:right:stride], map_x, map_y).astype(np.uint8, copy=False)

    @property
    def cell_m(self) -> float:
        """Metres to a cell, along the line."""
        return self.cell_px * CAR_M / (self.known_px or self.unit_px)

    def resized(self, unit_px: float) -> Strip:
        """The same line sampled for cars `unit_px` wide."""
        return _strip(self.line, self.direction, self.hidden, self.size, unit_px, self.known_px)

    def places_in(self, other: Strip) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """At which row and column (with fractions) of `other`, a strip of the same line, each row and column of this one lies."""
        high, wide = other.valid.shape
        rows = (np.arange(self.valid.shape[0]) - self.middle) * (self.cell_px / other.cell_px) + other.middle
        columns = (np.arange(self.valid.shape[1]) + 0.5) * (wide / self.valid.shape[1]) - 0.5
        return np.clip(rows, 0, high - 1).astype(np.float32), np.clip(columns, 0, wide - 1).astype(np.float32)


def counting_line(way: Carriageway) -> Line | None:
    """The configured line, or the middle of the polygon; None where neither says where to count."""
    if way.line is not None:
        return way.line
    if way.polygon and way.direction_vector is not None:
        return default_line(way.polygon, way.direction_vector)
    return None


def strip_view(geometry: CameraGeometry, way: Carriageway, width: int, height: int) -> Strip | None:
    """The strip of `way` in frames of `width` x `height`."""
    line = counting_line(way)
    if line is None or way.direction_vector is None:
        return None
    lane_px = _lane_px(geometry, way, line)
    known = None if lane_px is None else lane_px * CAR_M / LANE_M
    guess = math.hypot(line[2] - line[0], line[3] - line[1]) / LINE_UNITS
    return _strip(line, way.direction_vector, geometry.masks, (width, height), known or guess, known)


def _strip(
    line: Line, direction: Point, hidden: tuple[tuple[Point, ...], ...], size: tuple[int, int], unit_px: float, known_px: float | None
) -> Strip:
    """Where every cell lies, the box of the frame that is needed for it, and how far that is shrunk first."""
    length = math.hypot(line[2] - line[0], line[3] - line[1])
    unit = max(unit_px, LEAST_UNIT_PX, length / MAX_COLUMNS * UNIT_CELLS)
    columns, half = max(UNIT_CELLS, round(length * UNIT_CELLS / unit)), round(DEPTH_UNITS * UNIT_CELLS)
    cell = length / columns
    travel = np.array(direction) / math.hypot(*direction)
    x, y = _places(line, travel, columns, half, cell, fine=1)
    (left, right), (top, bottom) = _span(x, size[0]), _span(y, size[1])
    stride = max(1, int(cell / 3)) if cell >= STRIDE_PX else 1
    fine_x, fine_y = _places(line, travel, columns, half, cell, fine=FINE)
    map_x, map_y = ((fine_x - left) / stride).astype(np.float32), ((fine_y - top) / stride).astype(np.float32)
    valid = (x >= 0) & (x <= size[0] - 1) & (y >= 0) & (y <= size[1] - 1)
    if hidden:
        valid &= _averaged(_hidden(hidden, size, stride)[top:bottom:stride, left:right:stride], map_x, map_y) == 0
    return Strip(line, direction, unit, known_px, valid, (top, bottom, left, right, stride), map_x, map_y, hidden, size)


def _places(
    line: Line, travel: NDArray[np.float64], columns: int, half: int, cell: float, *, fine: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels (x, y) of each cell's middle, or of its `fine` x `fine` parts."""
    share = (np.arange(columns * fine) + 0.5) / (columns * fine)
    offset = (((np.arange((2 * half + 1) * fine) + 0.5) / fine - half - 0.5) * cell)[:, None]
    x = line[0] + (line[2] - line[0]) * share + offset * travel[0]
    y = line[1] + (line[3] - line[1]) * share + offset * travel[1]
    return x, y


def _averaged(picture: NDArray[Any], map_x: NDArray[np.float32], map_y: NDArray[np.float32]) -> NDArray[Any]:
    """`picture` at the places of the maps, averaged over FINE x FINE of them."""
    fine = cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(fine, (map_x.shape[1] // FINE, map_x.shape[0] // FINE), interpolation=cv2.INTER_AREA)


def _hidden(masks: tuple[tuple[Point, ...], ...], size: tuple[int, int], reach_px: int) -> NDArray[np.float32]:
    """1 where a privacy mask lies, and `reach_px` around it."""
    black = np.zeros((size[1], size[0]), np.float32)
    for mask in masks:
        cv2.fillPoly(black, [np.rint(mask).astype(np.int32)], 1.0)
    return np.asarray(cv2.dilate(black, np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)), np.float32)


def _span(place: NDArray[np.float64], limit: int) -> tuple[int, int]:
    first = min(max(math.floor(place.min()) - MARGIN_PX, 0), limit - 2)
    return first, max(min(math.ceil(place.max()) + MARGIN_PX + 1, limit), first + 2)


def _lane_px(geometry: CameraGeometry, way: Carriageway, line: Line) -> float | None:
    """Width of a lane at the line: by the homography, or by the polygon's width there and its lanes."""
    centre = ((line[0] + line[2]) / 2, (line[1] + line[3]) / 2)
    if geometry.homography is not None:
        a, b = project(homography_matrix(geometry.homography), np.array([line[:2], line[2:]]))
        metres = float(np.hypot(*(b - a)))
        return math.hypot(line[2] - line[0], line[3] - line[1]) / metres * LANE_M if metres > 0 else None
    if way.lanes is None or way.direction_vector is None:
        return None
    if not way.polygon:
        return math.hypot(line[2] - line[0], line[3] - line[1]) / way.lanes
    return _polygon_lane_px(way.polygon, way.direction_vector, centre, way.lanes)


def _polygon_lane_px(polygon: tuple[Point, ...], direction: Point, at: Point, lanes: int) -> float | None:
    length = math.hypot(*direction)
    unit = (direction[0] / length, direction[1] / length)
    left, right = crossings(polygon, unit, at[0] * unit[0] + at[1] * unit[1])
    return (right - left) / lanes if right - left > 1 else None
