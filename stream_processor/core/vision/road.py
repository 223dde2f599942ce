"""The road as seen from above: a grid in road coordinates that frames are sampled onto, travel towards rising rows.

Scale comes from a homography; or from the lanes (3.5 m each, TCVN 4054 table 7) and the way the road narrows in the picture; or it is
unknown, and the grid is a reduced crop of the picture. Lane scale needs the focal length: FOCAL_WIDTHS of the picture's width is assumed
(a horizontal view of 49 degrees), so its speeds carry that error (a tele lens reads low in proportion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Homography, Point, crossings, whole_picture
from stream_processor.core.vision.height import HIGHEST_M, LOWEST_M, Post, post_of

LANE_M = 3.5
USUAL_LANES = 3
FOCAL_WIDTHS = 1.1
CELL_M = 0.4
MAX_ROWS, MAX_COLUMNS = 192, 72
MAX_CELLS_PX = 96
"""Longer side of an uncalibrated grid: enough to see a car at a tenth of the picture's height, 7 thousand cells."""
COARSEST_M_PER_PX = 1.0
"""Road farther away than this per picture row says little about single vehicles and is left out."""

Basis = Literal["homography", "lane_width", "none"]
Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RoadView:
    """A sampled carriageway: `map_x`, `map_y` (rows, columns) say which pixel a cell shows, `valid` whether it is road.

    `cell_m` is nan on a grid in pixels. With basis "none" it may still be finite: a polygon whose number of lanes nobody said
    has the shape of a road but USUAL_LANES is a guess, good for comparing near and far, not for kilometres an hour.
    """

    map_x: NDArray[np.float32]
    map_y: NDArray[np.float32]
    valid: Mask
    cell_m: float
    basis: Basis
    direction: Point | None
    px_per_cell: float
    step: int
    speed_factor: float = 1.0
    behind: NDArray[np.intp] | None = None
    """For each cell (flat index) the cell where the top of what stands there is seen, -1: outside. None: heights are unknown."""

    @property
    def in_metres(self) -> bool:
        """Whether the grid lies on the road (and is not a reduced crop of the picture)."""
        return math.isfinite(self.cell_m)

    def look(self, grey: Grey) -> Grey:
        """The grid's picture of a whole-frame luma."""
        if self.step > 1:
            grey = grey[self.step // 2 :: self.step, self.step // 2 :: self.step]
        return cv2.remap(grey, self.map_x, self.map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)


def road_view(geometry: CameraGeometry, way: Carriageway, width: int, height: int) -> RoadView:
    """The view of `way` for frames of `width` x `height`, which `geometry` is already scaled to."""
    polygon = way.polygon or whole_picture(width, height)
    if geometry.homography is not None and way.direction_vector is not None:
        maps = _by_homography(geometry.homography, polygon, way.direction_vector, (width, height))
        basis: Basis = "homography"
    elif way.direction_vector is not None and (way.lanes is not None or way.polygon):
        maps = _by_lanes(polygon, way.direction_vector, way.lanes or USUAL_LANES, width)
        basis = "lane_width" if way.lanes is not None else "none"
    else:
        maps, basis = _plain(polygon), "none"
    map_x, map_y, cell_m, px_per_cell, post, behind = maps
    inside = _inside(polygon, geometry, width, height)
    columns, rows = np.clip(np.rint(map_x), 0, width - 1).astype(int), np.clip(np.rint(map_y), 0, height - 1).astype(int)
    seen = (map_x > -0.5) & (map_x < width - 0.5) & (map_y > -0.5) & (map_y < height - 0.5)
    valid = inside[rows, columns] & seen
    step = 1 if math.isfinite(cell_m) else max(1, int(px_per_cell))
    offset = (step // 2) / step
    to32 = np.float32
    if not math.isfinite(px_per_cell):
        px_per_cell = float(np.hypot(np.diff(map_x, axis=0), np.diff(map_y, axis=0)).mean())
    return RoadView(
        (map_x / step - offset * (step > 1)).astype(to32), (map_y / step - offset * (step > 1)).astype(to32),
        valid, cell_m, basis, way.direction_vector, px_per_cell, step, 1.0 if post is None else post.speed_factor, behind,
    )  # fmt: skip


_Maps = tuple[NDArray[np.float64], NDArray[np.float64], float, float, Post | None, NDArray[np.intp] | None]
"""Pixel of each cell (x, y), metres per cell, pixels per cell, the camera's place and the index of what each cell's top hides."""


def _inside(polygon: tuple[Point, ...], geometry: CameraGeometry, width: int, height: int) -> Mask:
    area = np.zeros((height, width), np.uint8)
    cv2.fillPoly(area, [np.rint(polygon).astype(np.int32)], 1)
    for mask in geometry.masks:
        cv2.fillPoly(area, [np.rint(mask).astype(np.int32)], 0)
    return area > 0


def _plain(polygon: tuple[Point, ...]) -> _Maps:
    xs, ys = [p[0] for p in polygon], [p[1] for p in polygon]
    wide, high = max(xs) - min(xs) + 1, max(ys) - min(ys) + 1
    px = max(1.0, max(wide, high) / MAX_CELLS_PX)
    columns, rows = max(4, round(wide / px)), max(4, round(high / px))
    map_x, map_y = np.meshgrid(min(xs) + (np.arange(columns) + 0.5) * px - 0.5, min(ys) + (np.arange(rows) + 0.5) * px - 0.5)
    return map_x, map_y, math.nan, px, None, None


def _by_homography(homography: Homography, polygon: tuple[Point, ...], direction: Point, size_px: tuple[int, int]) -> _Maps:
    to_road = homography_matrix(homography)
    centre = np.mean(np.asarray(polygon, np.float64), axis=0)
    length = math.hypot(*direction)
    here, ahead = project(to_road, np.array([centre, [centre[0] + direction[0] / length, centre[1] + direction[1] / length]]))
    travel = (ahead - here) / np.linalg.norm(ahead - here)
    turn = np.array([[-travel[1], travel[0]], travel])
    road = project(to_road, _dense(polygon)) @ turn.T
    low, high = road.min(axis=0), road.max(axis=0)
    extent = high - low
    cell = max(CELL_M, extent[1] / MAX_ROWS, extent[0] / MAX_COLUMNS)
    rows, columns = max(4, math.ceil(extent[1] / cell)), max(4, math.ceil(extent[0] / cell))
    across, along = np.meshgrid(low[0] + (np.arange(columns) + 0.5) * cell, low[1] + (np.arange(rows) + 0.5) * cell)
    picture = project(np.asarray(np.linalg.inv(to_road), np.float64), np.stack([across, along], axis=-1).reshape(-1, 2) @ turn)
    post = post_of(to_road, *size_px)
    if post is not None:
        foot = turn @ (post.x_m, post.y_m)
        post = Post(float(foot[0]), float(foot[1]), post.height_m)
    hidden = None if post is None else _hidden(*post.behind(across, along), low, float(cell), (rows, columns))
    return picture[:, 0].reshape(rows, columns), picture[:, 1].reshape(rows, columns), float(cell), math.nan, post, hidden


def _hidden(
    across: NDArray[np.float64], along: NDArray[np.float64], low: NDArray[np.float64], cell: float, shape: tuple[int, int]
) -> NDArray[np.intp]:
    row, column = np.floor((along - low[1]) / cell).astype(np.intp), np.floor((across - low[0]) / cell).astype(np.intp)
    outside = (row < 0) | (row >= shape[0]) | (column < 0) | (column >= shape[1])
    return np.asarray(np.where(outside, -1, row * shape[1] + column), np.intp)


def homography_matrix(homography: Homography) -> NDArray[np.float64]:
    """Picture to road plane, 3 x 3."""
    matrix = cv2.getPerspectiveTransform(np.array(homography.image, np.float32), np.array(homography.metres, np.float32))
    return np.asarray(matrix, np.float64)


def project(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """`points` (n, 2) through a 3 x 3 projective matrix."""
    out = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    projected: NDArray[np.float64] = out[:, :2] / out[:, 2:]
    return projected


def _dense(polygon: tuple[Point, ...]) -> NDArray[np.float64]:
    corners = np.asarray(polygon, dtype=np.float64)
    t = np.linspace(0, 1, 16, endpoint=False)[:, None, None]
    return (corners * (1 - t) + np.roll(corners, -1, axis=0) * t).reshape(-1, 2)


def _by_lanes(polygon: tuple[Point, ...], direction: Point, lanes: int, frame_width: int) -> _Maps:
    """Where the road narrows linearly, distance is focal x width / local width; where it does not, the scale is one for all."""
    length = math.hypot(*direction)
    unit = (direction[0] / length, direction[1] / length)
    road_m = lanes * LANE_M
    along, left, right = _slices(polygon, unit)
    spans = right - left
    whole = _whole(along, left, right, unit, frame_width)
    slope, start = np.polyfit(along[whole], spans[whole], 1, w=spans[whole])
    near_px, far_px = slope * along[-1] + start, slope * along[0] + start
    columns = min(MAX_COLUMNS, max(6, round(road_m / CELL_M)))
    post: Post | None = None
    behind: NDArray[np.intp] | None = None
    cell_across = road_m / columns
    if abs(near_px - far_px) < 0.2 * spans.mean() or min(near_px, far_px) <= 0:
        m_per_px = road_m / float(spans.mean())
        extent = (along[-1] - along[0]) * m_per_px
        cell = max(cell_across, extent / MAX_ROWS)
        places = along[0] + (np.arange(max(4, int(extent / cell))) + 0.5) * cell / m_per_px
    else:
        cell, places, distance = _perspective_rows(along, float(slope), float(start), road_m, frame_width, cell_across)
        post, behind = _post_by_lanes(road_m / abs(float(slope)), distance, float(cell), columns)
    lefts, rights = np.interp(places, along, left), np.interp(places, along, right)
    share = (np.arange(columns) + 0.5) / columns
    across = lefts[:, None] + (rights - lefts)[:, None] * share
    x = places[:, None] * unit[0] - across * unit[1]
    y = places[:, None] * unit[1] + across * unit[0]
    return x, y, float(cell), math.nan, post, behind


def _post_by_lanes(
    height_m: float, distance: NDArray[np.float64], cell: float, columns: int
) -> tuple[Post | None, NDArray[np.intp] | None]:
    """The road's width grows with each picture row by itself over the camera's height. Sideways the camera is taken to be over the road."""
    if not LOWEST_M <= height_m <= HIGHEST_M:
        return None, None
    post = Post(0.0, 0.0, height_m)
    zeros = np.zeros((len(distance), columns))
    _, far = post.behind(zeros, np.broadcast_to(distance[:, None], zeros.shape))
    rising = distance[-1] > distance[0]
    place = (far - distance[0]) if rising else (distance[0] - far)
    row = np.rint(place / cell).astype(np.intp)
    outside = (row < 0) | (row >= len(distance))
    return post, np.asarray(np.where(outside, -1, row * columns + np.arange(columns)), np.intp)


def _slices(polygon: tuple[Point, ...], unit: Point) -> tuple[NDArray[np.float64], ...]:
    ends = [x * unit[0] + y * unit[1] for x, y in polygon]
    along = np.linspace(min(ends) + 0.5, max(ends) - 0.5, 64)
    edges = np.array([crossings(polygon, unit, float(a)) for a in along])
    usable = edges[:, 1] - edges[:, 0] > 2
    return along[usable], edges[usable, 0], edges[usable, 1]


def _whole(along: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64], unit: Point, frame_width: int) -> Mask:
    """Slices that neither side of the picture cuts off; all of them where hardly any is whole."""
    x = np.stack([along * unit[0] - edge * unit[1] for edge in (left, right)])
    whole = np.asarray(((x > 1.5) & (x < frame_width - 2.5)).all(axis=0))
    return whole if whole.sum() >= len(along) // 4 else np.ones(len(along), bool)


def _perspective_rows(
    along: NDArray[np.float64], slope: float, start: float, road_m: float, frame_width: int, cell: float
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """(metres per row, place of each row on the picture axis, its distance): equal steps, where a picture row is fine enough."""
    focal_road = FOCAL_WIDTHS * frame_width * road_m
    widths = slope * along + start
    m_per_px = focal_road * abs(slope) / widths**2
    fine = widths[m_per_px <= max(COARSEST_M_PER_PX, float(m_per_px.min()) * 4)]
    near, far = focal_road / fine.max(), focal_road / fine.min()
    cell = max(cell, (far - near) / MAX_ROWS)
    distance = near + (np.arange(max(4, int((far - near) / cell))) + 0.5) * cell
    places = (focal_road / distance - start) / slope
    order = np.argsort(places)
    return cell, places[order], distance[order]
