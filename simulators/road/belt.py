"""A belt: a strip of road whose vehicles move as one, so that what was packed without overlap stays without overlap.

A vehicle stands on the belt at `place_m`; the belt has run `S(t)` metres by the time t; the vehicle's front is `S(t) - place_m` metres
from the entry. Who finds no room at the entry waits outside (a point queue) and comes in as soon as the gap allows, so a slow
belt fills up, and a queue discharges at saturation when the road is free again.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.road.vehicles import KINDS

Floats = NDArray[np.float64]

STANDING_GAP_M = 0.4
HEADWAY_S = 0.2  # added gap per m/s: motorbikes follow tightly (critical gap 1.25 s, several abreast)


@dataclass(frozen=True, slots=True)
class Belt:
    """One strip. `time_s`/`run_m` is S(t) on a grid of one second; the rest is one row a vehicle, in order of `place_m`."""

    time_s: Floats
    run_m: Floats
    speed_m_s: Floats
    place_m: Floats
    kind: NDArray[np.int64]
    slot: NDArray[np.int64]  # leftmost slot taken, counted from the median
    draw: Floats  # 0..1, decides colour and manner

    def ran_m(self, at_s: Floats) -> Floats:
        """S(t)."""
        ran: Floats = np.interp(at_s, self.time_s, self.run_m)
        return ran

    def passes_s(self, distance_m: float) -> Floats:
        """When each vehicle's front is `distance_m` from the entry (the end of the grid: not before it)."""
        passes: Floats = np.interp(self.place_m + distance_m, self.run_m, self.time_s)
        return passes


def make_belt(time_s: Floats, speed_m_s: Floats, arrival_s: Floats, kind: NDArray[np.int64], draw: Floats, slots: int) -> Belt:
    """Pack the arrivals (in order of time) on a belt of `slots` slots."""
    run_m = np.concatenate(([0.0], np.cumsum((speed_m_s[1:] + speed_m_s[:-1]) / 2 * np.diff(time_s))))
    wanted = np.interp(arrival_s, time_s, run_m)
    place, slot = _pack(wanted.tolist(), kind.tolist(), draw.tolist(), run_m.tolist(), speed_m_s.tolist(), slots)
    keep = np.flatnonzero(place < run_m[-1])  # who still waits outside at the end was never seen
    order = keep[np.argsort(place[keep], kind="stable")]
    return Belt(time_s, run_m, speed_m_s, place[order], kind[order], slot[order], draw[order])


def _pack(
    wanted: list[float], kinds: list[int], draws: list[float], run_m: list[float], speed: list[float], slots: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Place and leftmost slot of each arrival: as wanted, or behind whoever is in the way."""
    free = [-1e9] * slots  # first place that is free, per slot
    places, taken, last = [], [], len(speed) - 1
    widths, lengths = [kind.slots for kind in KINDS], [kind.length_m + STANDING_GAP_M for kind in KINDS]
    for place, kind, draw in zip(wanted, kinds, draws, strict=True):
        width = widths[kind]
        slot = int(draw * 997) % (slots - width + 1)
        if width == 1 and free[slot] > place:
            slot = free.index(min(free))
        room = free[slot] if width == 1 else max(free[slot : slot + width])
        if room > place:
            place = room
        end = place + lengths[kind] + HEADWAY_S * speed[min(bisect_right(run_m, place), last)]
        free[slot : slot + width] = [end] * width
        places.append(place)
        taken.append(slot)
    return np.array(places, dtype=np.float64), np.array(taken, dtype=np.int64)
