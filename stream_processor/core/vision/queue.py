"""Length of the standing queue along the approach: from the first to the last row of road on which somebody stands in line.

Rows of a grid in metres are steps along the travel; on a grid in pixels the direction of travel measures. One vehicle is no queue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.road import RoadView
from stream_processor.core.vision.still import Mask

GAP_M = 8.0
"""A longer stretch without anybody standing ends the queue: drivers leave 2 to 3 m, a lorry's blind roof takes some more."""
LEAST_M = 9.0
LEAST_CELLS = 2
GAP_SHARE, LEAST_SHARE = 0.12, 0.15
"""The same on a grid in pixels, as shares of its length."""


def queue_length(view: RoadView, standing: Mask) -> float:
    """Metres of the longest run of rows with standing vehicles (pixels of the frame on a grid in pixels); 0: none long enough."""
    if view.behind is not None:  # what the last vehicle's top hides is no queue
        standing = standing & (standing.ravel()[view.behind] | (view.behind < 0))
    if not standing.any():
        return 0.0
    if view.in_metres:
        rows = np.flatnonzero(standing.sum(axis=1) >= LEAST_CELLS)
        return _longest(rows * view.cell_m, GAP_M, LEAST_M, view.cell_m)
    x, y = view.map_x[standing] * view.step, view.map_y[standing] * view.step
    if view.direction is None:
        return 0.0
    unit = np.asarray(view.direction) / np.hypot(*view.direction)
    span = float(np.hypot(np.ptp(view.map_x), np.ptp(view.map_y))) * view.step
    return _longest(np.unique(np.rint(x * unit[0] + y * unit[1])), GAP_SHARE * span, LEAST_SHARE * span, view.px_per_cell)


def _longest(places: NDArray[Any], gap: float, least: float, step: float) -> float:
    """Extent of the longest run in sorted `places` without a gap wider than `gap`."""
    if not len(places):
        return 0.0
    runs = np.split(places, np.flatnonzero(np.diff(places) > gap) + 1)
    length = max(float(run[-1] - run[0]) + step for run in runs)
    return length if length >= least else 0.0
