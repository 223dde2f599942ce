"""How much of the road is under vehicles, and how many passenger-car units stand on it, where the camera's place is known.

Motorbikes ride abreast, half a metre apart, and hide the road behind them. So the near part of the carriageway is looked at in cells of
15 x 30 cm. Two things are measured in them, and weighed together:

- the footprint: covered cells whose upper end, where the camera would see it, is covered too;
- the left edges: cells where something covered begins, row by row, divided by how much longer something RIDER_M high looks from this
  camera than it is. A motorbike is all edge, a bus hardly any.

The weights were fitted once to rendered traffic (`simulators/cameras/swarm.py`: 60 cameras 8-13 m high, six mixes from
motorbikes only to mostly cars, up to 14,000 vehicles an hour; those of PCU to 48 more, halves of which give the same) and hold for
every camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.asphalt import asphalt
from stream_processor.core.vision.background import Background
from stream_processor.core.vision.geometry import CameraGeometry
from stream_processor.core.vision.height import Post, post_of
from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.road import Grey, Mask, RoadView, homography_matrix, project

ACROSS_M, ALONG_M = 0.15, 0.3
MOST_ACROSS, MOST_ALONG = 96, 100
LEAST_PX_PER_M = 8.0
LEAST_M = 8.0
"""Less road than this seen well enough is too little to speak for it."""
RIDER_M = 1.2
"""Height that counts of a rider, and of a car's roof and sides together."""
BIKE_M = 2.0
DIFFERENT_GREY = 10.0
DIFFERENT_COLD = 18.0
"""Where the road's own grain is not known yet."""
SHADE = (0.42, 0.8)
SHADE_FLAT = 0.06
"""A shadow is a brightness of so much of the road's, the same all over: the road's own grain shows through it."""
TRUSTED_S = 2.0
TRUSTED_SHARE = 0.3
COVERED_WEIGHT = 0.01
PASSING_WEIGHT = 0.5
BARE_EVERY_MS = 1_500
STRETCHES = 2
OCCUPANCY = (0.435, 4.04)
UNITS_M2 = (0.0335, 0.9)
"""PCU a square metre of road (TCVN 4054), in the same two measures: a bus has few edges for its surface, a motorbike many."""
SEEN_M, HIDDEN_M = 0.8, 0.8
"""Mean height of what is seen of free vehicles, and how much more it is where all the road is covered: of a crowd one sees the heads."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Load:
    """`occupancy` 0..1, `units_m2` passenger-car units a square metre, `seen_m` the mean height of what is seen of vehicles."""

    occupancy: float
    units_m2: float
    seen_m: float


class Surface:
    """State of one carriageway: `look` at a frame now and then, `close` at the end of a sample."""

    def __init__(self, maps: _Maps) -> None:
        self._maps = maps
        self._background = Background(maps.valid.shape)
        self._bare: Floats = np.zeros(maps.valid.shape, np.float32)
        self._last_ms: int | None = None
        self._bare_ms: int | None = None
        self._looks = self._judged = 0
        self._sums = [0.0, 0.0, 0.0]
        self.width_m = maps.width_m
        self.height_m = maps.post.height_m

    def look(self, grey: Grey, covered: Mask, at_ms: int, *, moving: bool) -> None:
        """One frame; `covered` is the coarse grid's: there the road is hardly learned, unless the traffic is `moving`."""
        maps = self._maps
        picture = cv2.remap(grey, maps.map_x, maps.map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        picture = np.asarray(cv2.blur(picture, (3, 1)), np.float32)
        road = self._background
        picture /= road.gain(picture, maps.valid)
        trusted = (road.weight_s >= TRUSTED_S) & maps.valid
        different = _vehicles(picture, self._road(picture, trusted, at_ms)) & maps.valid
        different &= trusted | (np.abs(picture - self._bare) > DIFFERENT_COLD)
        since_s = 0.4 if self._last_ms is None else min((at_ms - self._last_ms) / 1000, 1.0)
        self._last_ms = at_ms
        hidden = different | (covered.ravel()[maps.coarse] & ~trusted)
        taught = np.where(hidden, np.where(trusted | (not moving), COVERED_WEIGHT, PASSING_WEIGHT), 1.0) * since_s
        road.learn(picture, taught.astype(np.float32))
        known = int(np.count_nonzero(trusted))
        self._looks += 1
        if known > TRUSTED_SHARE * max(1, int(maps.valid.sum())):
            self._judged += 1
            load = self._judge(different)
            self._sums = [a + b for a, b in zip(self._sums, (load.occupancy, load.units_m2, load.seen_m), strict=True)]

    def close(self) -> Load | None:
        """The mean of the looks since the last `close`; None where most of them knew too little of the road."""
        sums, looks, judged = self._sums, self._looks, self._judged
        self._sums, self._looks, self._judged = [0.0, 0.0, 0.0], 0, 0
        return Load(sums[0] / judged, sums[1] / judged, sums[2] / judged) if judged > 0.5 * looks else None

    def _road(self, picture: Floats, trusted: Mask, at_ms: int) -> Floats:
        """The road under each cell: as learned, or, where nothing is known yet, the bare road's grey there."""
        if self._bare_ms is None or (at_ms - self._bare_ms >= BARE_EVERY_MS and not trusted[self._maps.valid].all()):
            best = np.where(trusted, self._background.value, picture).astype(np.float32)
            self._bare, self._bare_ms = asphalt(best, STRETCHES, self._maps.valid), at_ms
        return np.asarray(np.where(trusted, self._background.value, self._bare), np.float32)

    def _judge(self, different: Mask) -> Load:
        maps = self._maps
        cells = np.maximum(maps.valid.sum(axis=1), 1)
        rows = different.sum(axis=1) / cells
        edges = (different[:, 1:] & ~different[:, :-1]).sum(axis=1) / cells
        inside = maps.behind >= 0
        foot = different & different.ravel()[np.maximum(maps.behind, 0)] & inside
        total = max(1, int((inside & maps.valid).sum()))
        footprint, edge = int(foot.sum()) / total, float((edges * maps.shortening).mean())
        occupancy = min(OCCUPANCY[0] * footprint + OCCUPANCY[1] * edge, 1.0)
        return Load(occupancy, UNITS_M2[0] * footprint + UNITS_M2[1] * edge, SEEN_M + HIDDEN_M * float(rows.mean()))

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next look depends on."""
        return {
            "background": self._background.snapshot(), "bare": pack(self._bare), "at": [self._last_ms, self._bare_ms],
            "looks": [self._looks, self._judged], "sums": list(self._sums),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._background.restore(state["background"])
        self._bare, self._sums = unpack(state["bare"]), list(state["sums"])
        self._last_ms, self._bare_ms = state["at"]
        self._looks, self._judged = state["looks"]


@dataclass(frozen=True, slots=True)
class _Maps:
    """The fine grid: pixels, validity, the coarse cell of each, where its top is seen (-1: outside), rows' shortening."""

    map_x: Floats
    map_y: Floats
    valid: Mask
    coarse: NDArray[np.intp]
    behind: NDArray[np.intp]
    shortening: NDArray[np.float64]
    width_m: float
    post: Post


def surface_of(view: RoadView, geometry: CameraGeometry, width: int, height: int) -> Surface | None:
    """The surface of a view; None without a homography that tells where the camera is, or where too little road is seen well."""
    if geometry.homography is None or view.basis != "homography":
        return None
    to_road = homography_matrix(geometry.homography)
    post = post_of(to_road, width, height)
    rows, columns = view.valid.shape
    if post is None:
        return None
    corners = np.array([(view.map_x[r, c], view.map_y[r, c]) for r, c in ((0, 0), (0, columns - 1), (rows - 1, 0))], np.float64)
    origin, right, ahead = project(to_road, corners)
    across, along = right - origin, ahead - origin
    far = _seen_well(view)
    if far is None:
        return None
    first, last = far
    size = (float(np.hypot(*across)), float(np.hypot(*along)) * (last - first) / max(1, rows - 1))
    if size[1] < LEAST_M:
        return None
    wide, long = min(MOST_ACROSS, math.ceil(size[0] / ACROSS_M)), min(MOST_ALONG, math.ceil(size[1] / ALONG_M))
    share_x, share_y = (np.arange(wide) + 0.5) / wide, (first + (np.arange(long) + 0.5) / long * (last - first)) / max(1, rows - 1)
    ground = origin + share_x[None, :, None] * across + share_y[:, None, None] * along
    width_m = size[0] * (columns - 0.5) / max(1, columns - 1)  # from edge to edge: the last column is half road on average
    return Surface(_maps(ground, view, to_road, post, (share_x, share_y), width_m))


def _maps(
    ground: NDArray[np.float64], view: RoadView, to_road: NDArray[np.float64], post: Post,
    shares: tuple[NDArray[np.float64], NDArray[np.float64]], width_m: float,
) -> _Maps:  # fmt: skip
    long, wide = ground.shape[:2]
    rows, columns = view.valid.shape
    picture = project(np.asarray(np.linalg.inv(to_road), np.float64), ground.reshape(-1, 2)).reshape(long, wide, 2)
    row, column = np.rint(shares[1] * (rows - 1)).astype(int), np.rint(shares[0] * (columns - 1)).astype(int)
    coarse = (row[:, None] * columns + column[None, :]).astype(np.intp)
    foot = np.array([post.x_m, post.y_m])
    stretch = post.height_m / (post.height_m - RIDER_M)
    right, ahead = (ground[0, -1] - ground[0, 0]) / max(1, wide - 1), (ground[-1, 0] - ground[0, 0]) / max(1, long - 1)
    places = np.linalg.solve(np.stack([right, ahead], axis=1), (foot + (ground - foot) * stretch - ground[0, 0]).reshape(-1, 2).T)
    x, y = np.rint(places[0]).astype(np.intp), np.rint(places[1]).astype(np.intp)
    outside = (y < 0) | (y >= long) | (x < 0) | (x >= wide)
    behind = np.where(outside, -1, y * wide + x).reshape(long, wide)
    longer_m = np.hypot(*(ground - foot).mean(axis=1).T) * (stretch - 1)
    return _Maps(
        picture[..., 0].astype(np.float32), picture[..., 1].astype(np.float32), np.asarray(view.valid.ravel()[coarse]), coarse,
        np.asarray(behind, np.intp), np.asarray(BIKE_M / (BIKE_M + longer_m), np.float64), width_m, post,
    )  # fmt: skip


def _seen_well(view: RoadView) -> tuple[int, int] | None:
    """First and last row of the coarse grid with LEAST_PX_PER_M across; they are the near ones."""
    step = np.hypot(np.diff(view.map_x, axis=1), np.diff(view.map_y, axis=1)).mean(axis=1) / view.cell_m
    good = np.flatnonzero((step >= LEAST_PX_PER_M) & (view.valid.mean(axis=1) > 0.5))
    return (int(good[0]), int(good[-1])) if good.size else None


def _vehicles(picture: Floats, road: Floats) -> Mask:
    """Cells that differ from the road, shadows aside."""
    ratio = picture / np.maximum(road, 1.0)
    mean = cv2.blur(ratio, (5, 3))
    deviation = np.sqrt(np.maximum(cv2.blur(ratio * ratio, (5, 3)) - mean * mean, 0))
    shadow = (ratio > SHADE[0]) & (ratio < SHADE[1]) & (deviation < SHADE_FLAT)
    return np.asarray((np.abs(picture - road) > DIFFERENT_GREY) & ~shadow)
