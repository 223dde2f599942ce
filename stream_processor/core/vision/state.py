"""Congestion state of one carriageway: free, slow or jam, from how fast the covered surface travels and how much of it there is.

A road on which little is covered is free, whoever stands there. Else the middle of the speeds decides: every second of a vehicle's
presence counts, so one car braking in flowing traffic is nothing. Where traffic is slow as a whole, it is a jam as soon as one lane
that carries its share of it crawls: people call a road jammed by its worst lane. Some seconds are remembered; a state is left only
when its bound is passed by `MARGIN`.

>>> state = RoadState()
>>> fast = np.full(60, 14.0, np.float32)
>>> [state.look(0.2, fast, np.zeros(60, np.int64), at_ms) for at_ms in (0, 1_000, 2_000)]
['unknown', 'unknown', 'free']
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.packing import pack, unpack

State = Literal["free", "slow", "jam", "unknown"]

MEMORY_S = 8.0
"""Looks are forgotten with this time constant."""
SETTLED_MS = 2_000
LONGEST_GAP_MS = 2_000
EMPTY_SHARE = 0.10
"""Less covered surface than this is no congestion: at a jam's density, 100 to 140 vehicles per kilometre and lane, a quarter is covered."""
JAM_SHARE = 0.2
JAM_BELOW_M_S = 3.0
SLOW_BELOW_M_S = 6.5
"""Both between what people called slow and jam, free and slow, on one motorway's camera, at lane scale; see the congestion suite."""
MARGIN = 0.05
LANES = 3
"""Thirds of the carriageway's width stand for lanes."""
LANE_SHARE = 0.15
"""A lane with less of the covered surface than this says nothing about the road."""
STEP_M_S, BINS = 0.25, 160
LEAST_CELLS = 6.0

Floats = NDArray[np.float32]


class RoadState:
    """Memory of one carriageway. Speeds are metres per second along the travel; against it they count as standing."""

    def __init__(self) -> None:
        self._speeds = np.zeros((LANES, BINS), np.float64)
        self._share = self._weight = 0.0
        self._since_ms = self._last_ms = -1
        self.state: State = "unknown"

    def look(self, share: float, speeds: Floats, lanes: NDArray[np.int64], at_ms: int) -> State:
        """One look: the `share` of surface covered, and speed and lane (0 .. LANES - 1) of each covered cell, shapes (n,)."""
        if self._last_ms < 0 or at_ms - self._last_ms > LONGEST_GAP_MS:
            self.forget()
            self._since_ms = self._last_ms = at_ms
        kept = math.exp((self._last_ms - at_ms) / (MEMORY_S * 1000))
        self._last_ms = at_ms
        self._speeds *= kept
        place = np.clip(speeds / STEP_M_S, 0, BINS - 1).astype(np.int64) + lanes * BINS
        self._speeds += np.bincount(place, minlength=LANES * BINS).reshape(LANES, BINS)
        self._weight = self._weight * kept + 1.0
        self._share += (share - self._share) / self._weight
        if at_ms - self._since_ms >= SETTLED_MS:
            self.state = self._judge()
        return self.state

    def forget(self) -> None:
        """Nothing is known any more."""
        self._speeds[:] = 0.0
        self._share = self._weight = 0.0
        self._since_ms = self._last_ms = -1
        self.state = "unknown"

    @property
    def share(self) -> float:
        """Share of the surface covered of late."""
        return self._share

    @property
    def speed_m_s(self) -> float | None:
        """The middle of the speeds of late; None where hardly any surface was covered."""
        return _middle(self._speeds.sum(axis=0))

    @property
    def slowest_m_s(self) -> float | None:
        """The same of the slowest lane that carries its share."""
        least = LANE_SHARE * float(self._speeds.sum())
        middles = [_middle(lane) for lane in self._speeds if lane.sum() >= least]
        return min((middle for middle in middles if middle is not None), default=None)

    def _judge(self) -> State:
        speed, slowest = self.speed_m_s, self.slowest_m_s
        if speed is None or slowest is None or self._share < EMPTY_SHARE * self._bound("slow", "jam"):
            return "free"
        if speed > SLOW_BELOW_M_S / self._bound("slow", "jam"):
            return "free"
        return "jam" if slowest < JAM_BELOW_M_S / self._bound("jam") and self._share >= JAM_SHARE * self._bound("jam") else "slow"

    def _bound(self, *states: State) -> float:
        """A bound is harder to pass from either side."""
        return 1 - MARGIN if self.state in states else 1 + MARGIN

    def snapshot(self) -> dict[str, Any]:
        """Everything."""
        return {
            "speeds": pack(self._speeds),
            "figures": [self._share, self._weight],
            "at": [self._since_ms, self._last_ms],
            "state": self.state,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._speeds = unpack(state["speeds"])
        self._share, self._weight = state["figures"]
        self._since_ms, self._last_ms = state["at"]
        self.state = state["state"]


def _middle(counts: NDArray[np.float64]) -> float | None:
    """The median of a histogram, within its bin."""
    upto = np.cumsum(counts)
    if upto[-1] < LEAST_CELLS:
        return None
    place = int(np.searchsorted(upto, upto[-1] / 2))
    before = float(upto[place - 1]) if place else 0.0
    return (place + (float(upto[-1]) / 2 - before) / float(counts[place])) * STEP_M_S
