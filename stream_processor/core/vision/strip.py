"""The pixels around a counting line: one lane deep on either side, one lane LANE_CELLS wide, travel towards rising rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Point, crossings, default_line
from stream_processor.core.vision.road import LANE_M, Grey, RoadView, homography_matrix, project

LANE_CELLS = 16
DEPTH_LANES = 1.0
CELL_M = LANE_M / LANE_CELLS
MAX_COLUMNS = 16 * LANE_CELLS


@dataclass(frozen=True, slots=True)
class Strip:
    """A sampled counting line; `lane_px` is the width of a lane at the line, in pixels of the frame."""

    view: RoadView
    lane_px: float
    calibrated: bool

    @property
    def middle(self) -> int:
        """The row of the line itself."""
        return int(self.view.valid.shape[0]) // 2

    def look(self, grey: Grey) -> Grey:
        """The strip's picture."""
        return self.view.look(grey)


def counting_line(way: Carriageway) -> tuple[float, float, float, float] | None:
    """The configured line, or the middle of the polygon; None where neither says where to count."""
    if way.line is not None:
        return way.line
    if way.polygon and way.direction_vector is not None:
        return default_line(way.polygon, way.direction_vector)
    return None


def strip_view(geometry: CameraGeometry, way: Carriageway, width: int, height: int, lane_px: float | None = None) -> Strip | None:
    """The strip of `way` in frames of `width` x `height`; `lane_px` overrides the guess where nothing is configured."""
    line = counting_line(way)
    if line is None or way.direction_vector is None:
        return None
    known = _lane_px(geometry, way, line)
    lane = known or lane_px or guessed_lane_px(line, height)
    start, end = np.array(line[:2]), np.array(line[2:])
    length = float(np.hypot(*(end - start)))
    cell_px = max(lane / LANE_CELLS, length / MAX_COLUMNS)
    columns, half = max(4, round(length / cell_px)), round(DEPTH_LANES * LANE_CELLS)
    travel = np.array(way.direction_vector) / math.hypot(*way.direction_vector)
    share = (np.arange(columns) + 0.5) / columns
    offset = np.arange(-half, half + 1) * cell_px
    x = start[0] + (end[0] - start[0]) * share + (offset * travel[0])[:, None]
    y = start[1] + (end[1] - start[1]) * share + (offset * travel[1])[:, None]
    return Strip(_view(geometry, way, x, y, width, height, cell_px), lane, known is not None)


def guessed_lane_px(line: tuple[float, float, float, float], height: int) -> float:
    """Where neither lanes nor a calibration say: most lines span two or three lanes."""
    return min(max(math.hypot(line[2] - line[0], line[3] - line[1]) / 3, 8.0), height / 4)


def _view(
    geometry: CameraGeometry, way: Carriageway, x: NDArray[np.float64], y: NDArray[np.float64], width: int, height: int, cell_px: float
) -> RoadView:
    hidden = np.zeros((height, width), np.uint8)
    for mask in geometry.masks:
        cv2.fillPoly(hidden, [np.rint(mask).astype(np.int32)], 1)
    seen = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    rows, columns = np.clip(np.rint(y), 0, height - 1).astype(int), np.clip(np.rint(x), 0, width - 1).astype(int)
    step = max(1, int(cell_px))
    shift = step // 2
    map_x, map_y = ((x - shift) / step).astype(np.float32), ((y - shift) / step).astype(np.float32)
    return RoadView(map_x, map_y, seen & (hidden[rows, columns] == 0), CELL_M, "lane_width", way.direction_vector, cell_px, step)


def _lane_px(geometry: CameraGeometry, way: Carriageway, line: tuple[float, float, float, float]) -> float | None:
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
