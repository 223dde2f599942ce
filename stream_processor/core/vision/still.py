"""How long each cell of a road's picture has looked the same, whatever passes before it now and then.

A cell keeps the look it has shown, and the one that may follow it. What passes for less than `PASSES_MS` changes nothing; a new look
that stays as long takes over, and counts from when it came. A look that came back from behind what passed is the road's: nobody drives
through what stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.evidence import EDGE_SHARE, edges, evidence, signed_difference
from stream_processor.core.vision.occupancy import THRESHOLD
from stream_processor.core.vision.packing import pack, unpack

UNKNOWN = -1000.0
PASSES_MS = 1_800
SAME_GREY = 9.0
"""Looks that differ by less are one; more where the picture is steep (see EDGE_SHARE): cameras shake."""
FOLLOW = 0.1
STANDING_MS = 2_500
"""What stands for less is only slow."""
TEXTURE_CELLS = (5, 7)
"""Columns and rows within which a vehicle's look varies: a car's on the grids there are."""
LONGEST_GAP_MS = 2_000

Floats = NDArray[np.float32]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Stillness:
    """Memory of one grid. Times are ms of event time, relative to the first look."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._look: Floats = np.full(shape, UNKNOWN, np.float32)
        self._next: Floats = np.full(shape, UNKNOWN, np.float32)
        self._since: Times = np.zeros(shape, np.int64)
        self._matched: Times = np.zeros(shape, np.int64)
        self._next_since: Times = np.zeros(shape, np.int64)
        self._returned: Mask = np.zeros(shape, bool)
        self.road: Floats = np.full(shape, UNKNOWN, np.float32)
        """What traffic drove over before the present look took over; UNKNOWN where none has been displaced yet."""
        self.steep: Floats = np.zeros(shape, np.float32)
        """How steep the last look was (`edges`)."""
        self.lasts: Mask = np.zeros(shape, bool)
        """What has looked the same for STANDING_MS, and did at the last look."""
        self.road_steep: Floats = np.zeros(shape, np.float32)
        """How steep `road` is, up to date after `strange` found something."""
        self._strange: Mask | None = None
        self._strange_ms = self._now_ms = -1
        self.first_ms = -1
        """When all this began: what looks the same since then may have done so for years."""

    def see(self, seen: Floats, at_ms: int) -> None:
        """One look at the road, the same for all who share it. After a pause nothing is known."""
        if at_ms == self._now_ms:
            return
        self.steep = edges(seen)
        if self._now_ms < 0 or at_ms - self._now_ms > LONGEST_GAP_MS:
            self._look[:], self._next[:] = seen, seen
            self._since[:], self._matched[:], self._next_since[:] = at_ms, at_ms, at_ms
            self._returned[:], self.road[:] = False, UNKNOWN
            self.first_ms = at_ms
        last_ms, self._now_ms = self._now_ms, at_ms
        bound = np.float32(SAME_GREY) + np.float32(EDGE_SHARE) * np.minimum(
            self.steep, edges(self._look)
        )  # the edge of what passes must not widen it
        off = seen - self._look
        differs = np.abs(off) >= bound
        at = np.flatnonzero(differs)
        off.ravel()[at] = 0
        self._look += np.float32(FOLLOW) * off
        self._returned |= (self._matched < last_ms) & ~differs
        hidden_from = self._matched.ravel()[at]
        self._matched[:] = at_ms
        self._matched.ravel()[at] = hidden_from
        self._replace(at, seen.ravel()[at], bound.ravel()[at], hidden_from, (last_ms, at_ms))
        self.lasts = (self._matched == at_ms) & (at_ms - self._since >= STANDING_MS)

    def _replace(self, at: NDArray[np.intp], seen: Floats, bound: Floats, hidden_from: Times, between_ms: tuple[int, int]) -> None:
        """Cells `at` that do not look as they did: what has followed for long enough takes over."""
        last_ms, at_ms = between_ms
        following, since = self._next.ravel(), self._next_since.ravel()
        fresh = (np.abs(seen - following[at]) >= bound) | (hidden_from == last_ms)
        following[at[fresh]] = seen[fresh]
        since[at[fresh]] = at_ms
        over = at[(at_ms - hidden_from >= PASSES_MS) & (at_ms - since[at] >= PASSES_MS)]
        look, returned = self._look.ravel(), self._returned.ravel()
        driven = over[returned[over]]
        self.road.ravel()[driven] = look[driven]
        returned[over] = False
        look[over] = following[over]
        self._since.ravel()[over] = since[over]
        self._matched.ravel()[over] = at_ms

    def is_road(self, cells: Mask) -> None:
        """What `cells` look like now is the bare road."""
        self.road[cells] = self._look[cells]

    def strange(self, seen: Floats, least_cells: int) -> Mask | None:
        """What lasts, and looks otherwise than what traffic drove over before it; None: fewer cells than that."""
        if self._strange_ms != self._now_ms:
            self._strange_ms, self._strange = self._now_ms, self._differing(seen, least_cells)
        return self._strange

    def _differing(self, seen: Floats, least_cells: int) -> Mask | None:
        known = self.road > UNKNOWN
        cells = self.lasts & known & (np.abs(seen - self.road) > SAME_GREY)
        if np.count_nonzero(cells) < least_cells:
            return None
        bare = np.where(known, self.road, seen)
        self.road_steep = edges(bare)
        off = signed_difference(seen, bare, self.road_steep)
        cells &= (np.abs(off) > SAME_GREY) & (evidence(off, TEXTURE_CELLS) > THRESHOLD)
        return cells if np.count_nonzero(cells) >= least_cells else None

    @property
    def since_ms(self) -> Times:
        """From when on each cell has looked as it does."""
        return self._since

    @property
    def age_ms(self) -> Times:
        """For how long."""
        return np.asarray(self._matched - self._since, np.int64)

    @property
    def hidden_ms(self) -> Times:
        """How long ago each cell was last seen to look so."""
        return np.asarray(self._now_ms - self._matched, np.int64)

    def snapshot(self) -> dict[str, Any]:
        """Everything."""
        return {
            "look": pack(self._look), "next": pack(self._next), "since": pack(self._since), "matched": pack(self._matched),
            "next_since": pack(self._next_since), "returned": pack(self._returned),
            "road": pack(self.road), "at": [self._now_ms, self.first_ms],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._look, self._next = unpack(state["look"]), unpack(state["next"])
        self._since, self._matched, self._next_since = unpack(state["since"]), unpack(state["matched"]), unpack(state["next_since"])
        self._returned, self.road = unpack(state["returned"]), unpack(state["road"])
        self._now_ms, self.first_ms = state["at"]
