"""A vehicle that stands on a live lane: what has not moved for `dwell_s` where traffic drives, while traffic goes on around it.

What stands differs from the bare road and keeps its look; where it stands traffic has driven before. What keeps its look but is *less*
steep than the road it is compared with is a ghost: bare road where something stood when the camera started. A queue is not a stopped
vehicle: three standing vehicles one behind or beside the other, or nobody who passes. Where vehicles stood before and drove on (a stop
line, a bus stop) one is waited for as long as a signal may last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from stream_processor.core.vision.evidence import EDGE_SHARE, edges
from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.standing import SEEN_SHARE, Stop, in_queue, is_solid
from stream_processor.core.vision.still import SAME_GREY, STANDING_MS, Floats, Mask, Stillness

DWELL_S = 10.0
LIVE_S = 0.15
"""Cells over which vehicles have driven for as long are a live lane; one car at 80 km/h takes 0.2 s."""
LIVE_MEMORY_S = 3_600.0
TOGETHER_MS = 2_500
"""The parts of one vehicle come to rest within this time, as far as a few looks a second can tell."""
TOGETHER_CELLS = 4
"""Of nine: single cells between moving vehicles may look the same for a while, by chance."""
PASSED_LOOKS = 3
SURE_LOOKS = 4
"""What was found standing as often keeps its place, whatever comes so close to it that they seem one."""
NOBODY_PASSES_S = 60.0
SIGNAL_S = 150.0
"""The longest red of a signal that people still obey."""
GONE_MS = 1_200
GONE_SHARE = 0.5
USUAL_MEMORY_S = 7_200.0
GHOST_SHARE = 0.8
OVERLAP_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Change:
    """A stop that became certain (`begins`), or ended."""

    begins: bool
    stop: Stop
    at_ms: int
    confidence: float


class StopWatch:
    """Memory of one carriageway's grid. `still`: how long its road has looked the same, which may be shared and is saved by its owner.

    `least_cells`: the smallest vehicle; `lane` where vehicles belong, None: learned from traffic.
    """

    def __init__(
        self, still: Stillness, least_cells: int, reach: tuple[int, int], lane: Mask | None = None, dwell_s: float = DWELL_S
    ) -> None:
        shape = still.shape
        self._still = still
        self._least = least_cells
        self._join = np.ones(reach, np.uint8)
        self._lane = lane
        self._dwell_ms = round(dwell_s * 1000)
        self._live_s: Floats = np.zeros(shape, np.float32)
        self._usual: Floats = np.zeros(shape, np.float32)
        self._stops: list[Stop] = []
        self._last_ms = -1
        self._next_id = 0
        self.ghosts: Mask = np.zeros(shape, bool)
        self.standing: Mask = np.zeros(shape, bool)

    @property
    def told(self) -> int:
        """How many stopped vehicles stand there now."""
        return sum(stop.id >= 0 for stop in self._stops)

    def look(self, seen: Floats, background: Floats, covered: Mask, unknown: Mask, moving: Mask, at_ms: int) -> list[Change]:
        """One look: the picture, the bare road, what is covered of it where it is well known, where it is not, and what drives along."""
        since_s = min((at_ms - self._last_ms) / 1000, 1.0) if self._last_ms >= 0 else 0.0
        self._last_ms = at_ms
        self._still.see(seen, at_ms)
        self._live_s *= np.float32(1 - since_s / LIVE_MEMORY_S)
        self._live_s[moving] += np.float32(since_s)
        self._usual *= np.float32(1 - since_s / USUAL_MEMORY_S)
        road_steep = self._stand(seen, background, covered & self._still.lasts, unknown)
        changes = list(self._leave(at_ms))
        self.ghosts = np.zeros_like(self.standing)
        again = [i for i, stop in enumerate(self._stops) if self._stands_still(stop)]
        rest = self.standing.copy()
        for i in again:
            rest &= ~self._stops[i].cells
        groups = self._groups(rest, road_steep) if rest.any() else []
        passes = bool(np.count_nonzero(moving & ~self.standing) >= self._least)
        self._follow(again, groups, passes, at_ms)
        return changes + list(self._tell(at_ms))

    def _stand(self, seen: Floats, background: Floats, lasting: Mask, unknown: Mask) -> Floats:
        """Find what is `standing` now; returns how steep the bare road is there.

        Where the background is `unknown`, or was when a vehicle came to stand, it differs from what traffic drove over before.
        """
        strange = self._still.strange(seen, self._least)
        if strange is not None:
            for stop in self._stops:
                unknown = unknown | stop.cells
            strange = strange & unknown
        if strange is None and np.count_nonzero(lasting) < self._least:
            self.standing = np.zeros_like(lasting)
            return background
        steep = edges(background)
        self.standing = lasting & (np.abs(seen - background) > SAME_GREY + EDGE_SHARE * steep)
        if strange is not None:
            self.standing |= strange
            steep = np.where(strange, self._still.road_steep, steep)
        around = cv2.boxFilter(self.standing.view(np.uint8), -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        self.standing &= around >= TOGETHER_CELLS
        return steep

    def forget(self) -> None:
        """The camera was sick: what stood may have gone. Nothing is told, nothing goes on counting."""
        self._stops = [stop for stop in self._stops if stop.id >= 0]
        self._last_ms = -1

    def _stands_still(self, stop: Stop) -> bool:
        """Whether most of what was found, often enough to be sure of it, still stands there."""
        if stop.seen < SURE_LOOKS:
            return False
        same = self.standing & stop.cells & (np.abs(self._still.since_ms - stop.since_ms) <= TOGETHER_MS)
        if np.count_nonzero(same) < 0.5 * np.count_nonzero(stop.cells):
            return False
        return self._stood_since(stop.cells, self._still.steep) <= stop.since_ms + TOGETHER_MS

    def _groups(self, standing: Mask, road_steep: Floats) -> list[Stop]:
        """Standing vehicles; ghosts are set apart."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            cv2.morphologyEx(standing.astype(np.uint8), cv2.MORPH_CLOSE, self._join), connectivity=8
        )
        steep, found = self._still.steep, []
        for i in range(1, count):
            if stats[i, cv2.CC_STAT_AREA] < self._least:
                continue
            cells = np.asarray((labels == i) & standing)
            if float(steep[cells].mean()) < GHOST_SHARE * float(road_steep[cells].mean()):
                self.ghosts |= cells
                self._usual[cells] = np.maximum(self._usual[cells], 1.0)
                self._still.is_road(cells)
                continue
            lively = self._live_s[cells] >= LIVE_S if self._lane is None else self._lane[cells]
            since_ms = self._stood_since(cells, steep)
            cells &= np.abs(self._still.since_ms - since_ms) <= TOGETHER_MS
            fresh = since_ms > self._still.first_ms + STANDING_MS
            if fresh and float(lively.mean()) >= 0.5 and cells.sum() >= self._least and is_solid(cells):
                found.append(Stop(cells, since_ms, self._last_ms, self._last_ms))
        return found

    def _stood_since(self, cells: Mask, steep: Floats) -> int:
        """When it came to stand: its edges tell, a smooth side looks the same while it creeps along."""
        steepness, since_ms = steep[cells], self._still.since_ms[cells]
        half = steepness.size // 2
        edge = np.sort(since_ms[steepness >= np.partition(steepness, half)[half]])
        return int(edge[int(0.6 * (edge.size - 1))])

    def _follow(self, again: list[int], groups: list[Stop], passes: bool, at_ms: int) -> None:
        """Match what stands now with what stood before."""
        kept: list[Stop] = []
        for i, old in enumerate(self._stops):
            now = dataclasses.replace(old, looks=old.looks + 1, passed=old.passed + passes)
            if i in again:
                kept.append(dataclasses.replace(now, seen=old.seen + 1, seen_ms=at_ms))
                continue
            same = next((g for g in groups if (g.cells & old.cells).sum() >= OVERLAP_SHARE * min(g.cells.sum(), old.cells.sum())), None)
            if same is None:
                kept.append(now)
                continue
            groups.remove(same)
            now = dataclasses.replace(now, seen=old.seen + 1, seen_ms=at_ms)
            if old.id < 0:
                now = dataclasses.replace(now, cells=same.cells, since_ms=max(old.since_ms, same.since_ms))
            kept.append(now)
        earliest_ms = at_ms - STANDING_MS - GONE_MS  # what stands is found at once: a longer memory is not of this vehicle
        self._stops = kept + [dataclasses.replace(new, since_ms=max(new.since_ms, earliest_ms)) for new in groups]

    def _leave(self, at_ms: int) -> Iterator[Change]:
        """Stops whose place has looked otherwise for a while."""
        stay = []
        for stop in self._stops:
            gone = (self._still.hidden_ms[stop.cells] >= GONE_MS) | (self._still.since_ms[stop.cells] > stop.since_ms + self._dwell_ms // 2)
            left = float(gone.mean()) >= GONE_SHARE
            if not left and (stop.id >= 0 or at_ms - stop.seen_ms < 2 * GONE_MS):
                stay.append(stop)
                continue
            if left and at_ms - stop.since_ms > STANDING_MS + GONE_MS:
                self._usual[stop.cells] += 1
            if stop.id >= 0:
                yield Change(False, stop, at_ms, self._sure(stop))
        self._stops = stay

    def _tell(self, at_ms: int) -> Iterator[Change]:
        """Stops that have lasted, and are no queue."""
        for i, stop in enumerate(self._stops):
            if stop.id >= 0 or stop.seen_ms < at_ms or stop.seen < SEEN_SHARE * stop.looks:
                continue
            if at_ms - stop.since_ms < self._wait_ms(stop) or in_queue(stop, self._stops):
                continue
            told = dataclasses.replace(stop, id=self._next_id)
            self._next_id += 1
            self._stops[i] = told
            yield Change(True, told, at_ms, self._sure(told))

    def _wait_ms(self, stop: Stop) -> int:
        if float(self._usual[stop.cells].mean()) > 0.5:
            return max(self._dwell_ms, round(SIGNAL_S * 1000))
        if stop.passed < PASSED_LOOKS:
            return max(self._dwell_ms, round(NOBODY_PASSES_S * 1000))
        return self._dwell_ms

    def _sure(self, stop: Stop) -> float:
        """0.6 for what only just qualifies; more with everybody who passed."""
        return round(min(0.6 + 0.02 * stop.passed, 0.95), 3)

    def snapshot(self) -> dict[str, Any]:
        """Everything that later looks depend on."""
        return {
            "live_s": pack(self._live_s), "usual": pack(self._usual), "last_ms": self._last_ms,
            "stops": [[pack(s.cells), *_figures(s)] for s in self._stops], "next_id": self._next_id,
            "ghosts": pack(self.ghosts), "standing": pack(self.standing),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._live_s, self._usual = unpack(state["live_s"]), unpack(state["usual"])
        self._last_ms, self._next_id = state["last_ms"], state["next_id"]
        self._stops = [Stop(unpack(cells), *rest) for cells, *rest in state["stops"]]
        self.ghosts, self.standing = unpack(state["ghosts"]), unpack(state["standing"])


def _figures(stop: Stop) -> list[int]:
    return [stop.since_ms, stop.seen_ms, stop.found_ms, stop.seen, stop.looks, stop.passed, stop.id]
