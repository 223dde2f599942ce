"""Wrong-way drivers: whoever crosses the counting line against its direction.

Where two carriageways of opposite directions share a piece of road (one line for both, or lines that cross), oncoming traffic is no
wrong-way driver. There each part of the line learns which way it is driven, and only what drives against that is told.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Point
from stream_processor.core.vision.road import RoadView
from stream_processor.core.vision.strip import counting_line

PARTS = 16
"""A line of three lanes has parts narrower than a car."""
EDGE_PARTS = 2
WELL_KNOWN = 20.0
"""So many crossings tell where a line is driven."""
BESIDE_FORWARD = 0.5
LEAST_FORWARD = 1.5
FORWARD_SHARE = 0.75
FORGET = 0.995
"""What a part has learned fades with every crossing: some 200 vehicles."""
TOLD_TEACHES = 0.2
"""What a wrong-way driver that was told is worth as a lesson: a lane that is driven the other way for good is learned by and by."""
SLOWEST_M_S = 0.8
"""Slower ones roll back, or park."""
CONTRADICTS_MS = 600
"""Whoever is seen to drive along the direction at the same place within this time was mistaken for a wrong-way driver."""
NEAREST_CELLS = 9
BESIDE_SHARE = 0.5
"""Lines this near each other, in their own lengths, may share a road."""

Line = tuple[float, float, float, float]


class WrongWayWatch:
    """Memory of one counting line; `shared`: whether the opposite direction crosses it lawfully."""

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._forward = [0.0] * PARTS
        self._backward = [0.0] * PARTS
        self._along_ms = [-1] * PARTS

    def drives(self, along: NDArray[np.bool_], at_ms: int) -> None:
        """One look at the road: which cells at each part of the line, shape (PARTS, n), are driven along the direction.

        For grids in metres: on a grid in pixels fast traffic has no reliable speed.
        """
        for part in np.flatnonzero(along.any(axis=1)).tolist():
            self._along_ms[part] = at_ms

    def forward(self, place: float) -> None:
        """A vehicle crossed along the direction at `place` (0..1 along the line)."""
        self._learn(self._forward, place)

    def backward(self, place: float, speed_m_s: float, at_ms: int) -> float | None:
        """A vehicle crossed against it at `at_ms`; returns how sure it is that it may not, None: it may."""
        lawful, part = self._lawful(place), self._part(place)
        near_ms = self._along_ms[max(0, part - 1) : part + 2]
        if any(ms >= 0 and abs(ms - at_ms) <= CONTRADICTS_MS for ms in near_ms):
            return None
        told = not lawful and abs(speed_m_s) >= SLOWEST_M_S and not self._is_beside(part)
        if self._shared:
            self._learn(self._backward, place, TOLD_TEACHES if told else 1.0)
        if not told:
            return None
        known = sum(self._forward[max(0, part - 1) : part + 2])
        return round(min(0.95, 0.7 + 0.05 * known), 3)

    def _is_beside(self, part: int) -> bool:
        """Whether the end of the line reaches past what is driven: oncoming traffic of the next carriageway leans over it there."""
        at_an_end = not EDGE_PARTS <= part < PARTS - EDGE_PARTS
        near = sum(self._forward[max(0, part - 1) : part + 2])
        return at_an_end and sum(self._forward) >= WELL_KNOWN and near < BESIDE_FORWARD

    def _lawful(self, place: float) -> bool:
        """Whether the other direction is as usual here as this one, as far as is known."""
        if not self._shared:
            return False
        part = self._part(place)
        near = slice(max(0, part - 1), part + 2)
        along, against = sum(self._forward[near]), sum(self._backward[near])
        return along < LEAST_FORWARD or along < FORWARD_SHARE * (along + against)

    def _learn(self, counts: list[float], place: float, worth: float = 1.0) -> None:
        for each in (self._forward, self._backward):
            each[:] = [count * FORGET for count in each]
        counts[self._part(place)] += worth

    @staticmethod
    def _part(place: float) -> int:
        return min(max(int(place * PARTS), 0), PARTS - 1)

    def snapshot(self) -> dict[str, Any]:
        """Everything."""
        return {"forward": list(self._forward), "backward": list(self._backward), "along_ms": list(self._along_ms)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._forward, self._backward, self._along_ms = list(state["forward"]), list(state["backward"]), list(state["along_ms"])


def shares_its_line(geometry: CameraGeometry, way: Carriageway) -> bool:
    """Whether another carriageway of the camera, driven the other way, has its counting line in the same place."""
    line = counting_line(way)
    if line is None or way.direction_vector is None:
        return False
    for other in geometry.carriageways:
        theirs = counting_line(other)
        if other.direction == way.direction or theirs is None or other.direction_vector is None:
            continue
        if _cosine(way.direction_vector, other.direction_vector) < 0 and _near(line, theirs):
            return True
    return False


def cells_on(line: Line, view: RoadView) -> NDArray[np.intp]:
    """For each part of the line the flat indices of the grid's nearest cells, shape (PARTS, NEAREST_CELLS)."""
    share = (np.arange(PARTS) + 0.5) / PARTS
    x, y = line[0] + share * (line[2] - line[0]), line[1] + share * (line[3] - line[1])
    far = np.hypot(view.map_x.ravel() * view.step - x[:, None], view.map_y.ravel() * view.step - y[:, None])
    return np.asarray(np.argpartition(far, NEAREST_CELLS, axis=1)[:, :NEAREST_CELLS], np.intp)


def _near(a: Line, b: Line) -> bool:
    """Whether the middle of either lies within half its length of the other's line."""
    return any(
        _distance(((p[0] + p[2]) / 2, (p[1] + p[3]) / 2), q) < BESIDE_SHARE * min(_length(a), _length(b)) * 0.5 for p, q in ((a, b), (b, a))
    )


def _distance(point: Point, line: Line) -> float:
    dx, dy = line[2] - line[0], line[3] - line[1]
    t = ((point[0] - line[0]) * dx + (point[1] - line[1]) * dy) / max(dx * dx + dy * dy, 1e-9)
    t = min(max(t, 0.0), 1.0)
    return math.hypot(point[0] - line[0] - t * dx, point[1] - line[1] - t * dy)


def _length(line: Line) -> float:
    return math.hypot(line[2] - line[0], line[3] - line[1])


def _cosine(a: Point, b: Point) -> float:
    return (a[0] * b[0] + a[1] * b[1]) / max(math.hypot(*a) * math.hypot(*b), 1e-9)


def box_on(line: Line, place: float, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """A square around `place` of `line`, a third of it wide: left, top, right, bottom as shares of a frame of `size`."""
    x, y = line[0] + place * (line[2] - line[0]), line[1] + place * (line[3] - line[1])
    half = _length(line) / 6
    width, height = size
    left, right = (min(max(v / width, 0.0), 1.0) for v in (x - half, x + half))
    top, bottom = (min(max(v / height, 0.0), 1.0) for v in (y - half, y + half))
    return round(left, 4), round(top, 4), round(right, 4), round(bottom, 4)
