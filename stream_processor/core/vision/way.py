"""One carriageway of one camera: judges each look at its road, looks at the counting line with every frame, sums up a sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from city_model.events import CameraEvent, TrafficSample
from stream_processor.core.vision.counting import Crossing, LineCounter
from stream_processor.core.vision.geometry import CameraGeometry, Carriageway
from stream_processor.core.vision.incidents import Incidents
from stream_processor.core.vision.look import RoadLook
from stream_processor.core.vision.motion import SPARSE, Speeds, nothing
from stream_processor.core.vision.pcu import TCVN_4054, flow_pcu_h
from stream_processor.core.vision.queue import queue_length
from stream_processor.core.vision.road import Grey, Mask, RoadView
from stream_processor.core.vision.sizes import CAR, LARGE, TWO_WHEELER, size_class
from stream_processor.core.vision.state import LANES, RoadState
from stream_processor.core.vision.stopped import DWELL_S
from stream_processor.core.vision.strip import counting_line, strip_view
from stream_processor.core.vision.surface import surface_of
from stream_processor.core.vision.tally import Tally
from stream_processor.core.vision.wrong_way import CONTRADICTS_MS, WrongWayWatch, box_on, cells_on, shares_its_line

SURFACE_EVERY_MS = 380
"""Every second look on a grid in metres."""
FLOW_MEMORY_MS = 10_000
PICTURE_M = 60.0
"""A picture of unknown scale is taken to show this much road from top to bottom, for its congestion state only."""
LEAST_FLOW_CELLS = 12
"""Sparse cells, 8 square metres at 0.4 m: a car."""
CONFIDENCE = {"homography": 1.0, "lane_width": 0.8, "none": 0.5}


@dataclass(frozen=True, slots=True)
class _Pace:
    """Speeds (m/s, or px/s on an uncalibrated grid) below which a cell stands, and above which traffic flows."""

    still: float
    moving: float
    flowing: float


class CarriagewayWatch:
    """State of one carriageway for one frame size, on a `road` that it may share; one of those who do owns it."""

    def __init__(
        self,
        geometry: CameraGeometry,
        way: Carriageway,
        size: tuple[int, int],
        road: RoadLook,
        dwell_s: float = DWELL_S,
        *,
        owns_road: bool = True,
    ) -> None:
        width, height = size
        self.direction = way.direction
        self.road = road
        self.owns_road = owns_road
        self._view = road.view if road.view.direction == way.direction_vector else replace(road.view, direction=way.direction_vector)
        self._metric = self._view.in_metres
        self._px_per_unit = self._view.px_per_cell / self._view.cell_m if self._metric else 1.0
        self._unit_m = 1.0 if self._metric else PICTURE_M / height
        self._pace = _Pace(0.5, 1.0, 5.5) if self._metric else _Pace(0.005 * height, 0.01 * height, 0.08 * height)
        self._occupancy = road.occupancy
        strip = strip_view(geometry, way, width, height)
        self._counter = None if strip is None else LineCounter(strip)
        self._tally = Tally(0.2 if self._metric else height / 1000)
        self._state = RoadState()
        self._lanes = _lanes(self._view)
        self._incidents = Incidents(self._view, way.direction, (width, height), road.still, dwell_s)
        self._wrong_way = WrongWayWatch(shared=shares_its_line(geometry, way))
        self._line = counting_line(way)
        self._line_cells = None if self._line is None or not self._metric else cells_on(self._line, self._view)
        self._suspects: list[tuple[float, float, int]] = []
        self._size = (width, height)
        self._against = 0
        self._surface = surface_of(self._view, geometry, width, height)
        self._flow_ms = self._surface_ms = -1
        self._flow_looks = 0
        self._speeds = nothing(self._view.valid.shape)

    @property
    def counts(self) -> bool:
        """Whether it has a counting line."""
        return self._counter is not None

    def feed(self, grey: Grey, at_ms: int, shift_px: tuple[float, float] = (0.0, 0.0)) -> list[Crossing]:
        """One frame, displaced by `shift_px`; returns the crossings that became certain (they are in the sample too)."""
        crossings = [] if self._counter is None else self._counter.look(grey, at_ms, shift_px)
        self._count(crossings)
        self._judge_directions(crossings, at_ms)
        return crossings

    def finish(self) -> list[Crossing]:
        """The last crossings of a recording, when no frame comes any more."""
        crossings = [] if self._counter is None else self._counter.finish()
        self._count(crossings)
        return crossings

    def _count(self, crossings: list[Crossing]) -> None:
        for crossing in crossings:
            self._tally.count(size_class(crossing))

    def judge(self, at_ms: int) -> tuple[Mask, bool, Mask]:
        """What this direction makes of its road's look: cells that stand still, whether traffic flows, ghosts of what drove away."""
        covered = self._occupancy.covered
        speeds = self._speeds = self.road.speeds(self._view.direction)
        still = speeds.known & (np.abs(speeds.value) < self._pace.still)
        driving = speeds.known & (speeds.value > self._pace.moving)
        drives = _dense(driving, covered.shape) & covered
        if self._line_cells is not None:
            self._wrong_way.drives(drives.ravel()[self._line_cells], at_ms)
        road = self._occupancy
        self._incidents.look(road.seen, road.road, road.known, road.unknown, drives, at_ms)
        return _dense(still, covered.shape), self._flows(speeds, at_ms), self._incidents.ghosts

    def conclude(self, grey: Grey, at_ms: int) -> None:
        """The look counts, now that its road has settled."""
        occupancy, speeds = self._occupancy, self._speeds
        kept = speeds.known & occupancy.covered[::SPARSE, ::SPARSE]
        values = speeds.value[kept]
        self._tally.look(occupancy.share, values)
        state = self._state.look(occupancy.share, values * self._unit_m, self._lanes[kept], at_ms)
        self._incidents.state(state, CONFIDENCE[self._view.basis], at_ms)
        if self._surface is not None and (self._surface_ms < 0 or at_ms - self._surface_ms >= SURFACE_EVERY_MS):
            self._surface_ms = at_ms
            moving = not values.size or float(np.median(values)) > self._pace.moving
            self._surface.look(grey, occupancy.covered, at_ms, moving=moving)

    def _judge_directions(self, crossings: list[Crossing], at_ms: int) -> None:
        """Learn from whoever crossed the line along it, tell whoever crossed it against its direction."""
        if self._counter is None or self._line is None:
            return
        for crossing in crossings:
            self._wrong_way.forward(crossing.share)
        self._suspects += [(c.share, c.speed_m_s, c.at_ms) for c in self._counter.backwards]
        self._counter.backwards.clear()
        ripe = [suspect for suspect in self._suspects if at_ms - suspect[2] > CONTRADICTS_MS]
        self._suspects = [suspect for suspect in self._suspects if suspect not in ripe]
        for place, speed_m_s, crossed_ms in ripe:
            sure = self._wrong_way.backward(place, speed_m_s, crossed_ms)
            if sure is not None:
                self._against += 1
                self._incidents.wrong_way(crossed_ms, at_ms, sure, box_on(self._line, place, self._size))

    @property
    def events(self) -> list[CameraEvent]:
        """What began or ended since the last sample."""
        return self._incidents.events

    @property
    def drawn(self) -> tuple[RoadView, Mask, Mask]:
        """For whoever draws it: the sampled road, which of its cells are covered, and which have stood for some seconds."""
        return self._view, self._occupancy.covered, self._incidents.standing

    def _flows(self, speeds: Speeds, at_ms: int) -> bool:
        """Whether traffic has flowed lately: a car's worth of cells, most of those that move at all being fast, in two looks running."""
        moving = speeds.value[speeds.known & (speeds.value > self._pace.moving)]
        fast = moving.size >= LEAST_FLOW_CELLS and float(np.median(moving)) > self._pace.flowing
        self._flow_looks = self._flow_looks + 1 if fast else 0
        if self._flow_looks >= 2:
            self._flow_ms = at_ms
        return self._flow_ms >= 0 and at_ms - self._flow_ms < FLOW_MEMORY_MS

    def sample(self, end_ms: int, span_s: float, health: str) -> TrafficSample:
        """The sample of the span ending at `end_ms`; begins the next."""
        seen = self._tally.close()
        bikes, cars, large = seen.counts[TWO_WHEELER], seen.counts[CAR], seen.counts[LARGE]
        speed = seen.speed if health == "ok" else None
        told = self._view.basis != "none"
        factor, occupancy, flow = self._view.speed_factor, seen.occupancy, flow_pcu_h(bikes, cars, large, span_s)
        load = None if self._surface is None else self._surface.close()
        if self._surface is not None and load is not None:
            factor, occupancy = 1 - load.seen_m / self._surface.height_m, load.occupancy
            flow = load.units_m2 * self._surface.width_m * max(speed or 0.0, 0.0) * factor * 3600
        looked = min(1.0, seen.looks * self.road.every_ms / 1000 / max(span_s, 0.2) * 1.25)
        confidence = CONFIDENCE[self._view.basis] * looked * (0.3 + 0.7 * self._occupancy.trusted_share) if health == "ok" else 0.0
        return TrafficSample(
            at_ms=end_ms, span_s=span_s, direction=self.direction, two_wheelers=bikes, cars=cars, large=large,
            flow_pcu_h=round(flow, 1), area_occupancy=round(occupancy, 4),
            confidence=round(confidence, 3),
            speed_kmh=round(max(speed, 0.0) * 3.6 * factor, 2) if speed is not None and told else None,
            speed_px_s=round(abs(speed) * self._px_per_unit, 2) if speed is not None and not told else None,
            speed_basis=self._view.basis, pcu_version=TCVN_4054.version, health=health,
            **self._further(health),
        )  # fmt: skip

    def _further(self, health: str) -> dict[str, Any]:
        """State, queue and events. A sick camera knows nothing of the road."""
        events = self._incidents.taken() or UNSET
        if health != "ok":
            self._state.forget()
            self._incidents.forget()
            self._against = 0
            return {"state": "unknown", "events": events}
        against, self._against = self._against, 0
        queue = round(queue_length(self._view, self._incidents.standing), 1)
        return {
            "state": self._state.state, "stopped": self._incidents.stopped, "events": events, "wrong_way": against,
            "queue_m": queue if self._view.basis != "none" else UNSET,
            "queue_px": UNSET if self._view.basis != "none" else round(queue * self._px_per_unit, 1),
        }  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Everything that later frames depend on."""
        return {
            "road": self.road.snapshot() if self.owns_road else None, "tally": self._tally.snapshot(),
            "state": self._state.snapshot(), "incidents": self._incidents.snapshot(),
            "wrong_way": [self._wrong_way.snapshot(), self._against, [list(suspect) for suspect in self._suspects]],
            "counter": None if self._counter is None else self._counter.snapshot(),
            "surface": None if self._surface is None else self._surface.snapshot(),
            "at": [self._flow_ms, self._flow_looks, self._surface_ms],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        if self.owns_road:
            self.road.restore(state["road"])
        self._tally.restore(state["tally"])
        self._state.restore(state["state"])
        self._incidents.restore(state["incidents"])
        self._wrong_way.restore(state["wrong_way"][0])
        self._against = state["wrong_way"][1]
        self._suspects = [(place, speed, at_ms) for place, speed, at_ms in state["wrong_way"][2]]
        if self._counter is not None:
            self._counter.restore(state["counter"])
        if self._surface is not None:
            self._surface.restore(state["surface"])
        self._flow_ms, self._flow_looks, self._surface_ms = state["at"]


def _lanes(view: RoadView) -> NDArray[np.int64]:
    """The lane of every sparse cell; where nobody knows which way the road runs, all is one."""
    rows, columns = view.valid[::SPARSE, ::SPARSE].shape
    lane = np.arange(columns) * LANES // columns if view.in_metres else np.zeros(columns, np.int64)
    return np.broadcast_to(lane, (rows, columns))


def _dense(sparse: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Every cell as its sparse one."""
    dense = np.empty((sparse.shape[0], SPARSE, sparse.shape[1], SPARSE), np.bool_)
    dense[:] = sparse[:, None, :, None]
    return dense.reshape(sparse.shape[0] * SPARSE, -1)[: shape[0], : shape[1]]
