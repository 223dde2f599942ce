"""How long each cell of a road's picture has looked the same, whatever passes before it now and then.

A cell keeps the look it has shown, and the one that may follow it. What passes for less than `PASSES_MS` changes nothing; a new look
that stays as long takes over, and counts from when it came.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.evidence import EDGE_SHARE, edges
from stream_processor.core.vision.packing import pack, unpack

PASSES_MS = 1_800
SAME_GREY = 9.0
"""Looks that differ by less are one; more where the picture is steep (see EDGE_SHARE): cameras shake."""
FOLLOW = 0.1
LONGEST_GAP_MS = 2_000

Floats = NDArray[np.float32]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Stillness:
    """Memory of one grid. Times are ms of event time, relative to the first look."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._look: Floats = np.full(shape, -1000, np.float32)
        self._next: Floats = np.full(shape, -1000, np.float32)
        self._since: Times = np.zeros(shape, np.int64)
        self._matched: Times = np.zeros(shape, np.int64)
        self._next_since: Times = np.zeros(shape, np.int64)
        self._now_ms = -1
        self.first_ms = -1
        """When all this began: what looks the same since then may have done so for years."""

    def see(self, seen: Floats, edge: Floats, at_ms: int) -> None:
        """One look at the road and how steep it is (`edges`), the same for all who share it. After a pause nothing is known."""
        if at_ms == self._now_ms:
            return
        if self._now_ms < 0 or at_ms - self._now_ms > LONGEST_GAP_MS:
            self._look[:], self._next[:] = seen, seen
            self._since[:], self._matched[:], self._next_since[:] = at_ms, at_ms, at_ms
            self.first_ms = at_ms
        self._now_ms = at_ms
        bound = SAME_GREY + EDGE_SHARE * np.minimum(edge, edges(self._look))  # the edge of what passes must not widen it
        off = seen - self._look
        same = np.abs(off) < bound
        self._look += np.where(same, FOLLOW * off, 0)
        self._matched[same] = at_ms
        fresh = np.abs(seen - self._next) >= bound
        self._next = np.where(fresh, seen, self._next)
        self._next_since[fresh] = at_ms
        over = (at_ms - self._matched >= PASSES_MS) & (at_ms - self._next_since >= PASSES_MS)
        self._look = np.where(over, self._next, self._look)
        self._since[over] = self._next_since[over]
        self._matched[over] = at_ms

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
            "next_since": pack(self._next_since), "at": [self._now_ms, self.first_ms],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._look, self._next = unpack(state["look"]), unpack(state["next"])
        self._since, self._matched, self._next_since = unpack(state["since"]), unpack(state["matched"]), unpack(state["next_since"])
        self._now_ms, self.first_ms = state["at"]
