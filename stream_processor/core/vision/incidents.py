"""What happens on one carriageway, told as camera events: its state changes, a vehicle stops, or drives the wrong way."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from city_model.events import CameraEvent
from stream_processor.core.vision.road import RoadView
from stream_processor.core.vision.standing import Stop
from stream_processor.core.vision.state import State
from stream_processor.core.vision.still import Floats, Mask, Stillness
from stream_processor.core.vision.stopped import DWELL_S, Change, StopWatch

LEAST_VEHICLE_M2 = 1.2
LEAST_VEHICLE_CELLS = 8
"""The same on a grid in pixels."""

Kind = Literal["stopped_vehicle", "wrong_way", "state", "health"]


class Incidents:
    """Events of one carriageway; `size`: width and height of the frame in pixels; `still`: how long its road has looked the same."""

    def __init__(self, view: RoadView, direction: str, size: tuple[int, int], still: Stillness, dwell_s: float = DWELL_S) -> None:
        self._view = view
        self._direction = direction
        self._size = size
        cell = view.cell_m if view.in_metres else 1.0
        least = max(3, round(LEAST_VEHICLE_M2 / cell**2)) if view.in_metres else LEAST_VEHICLE_CELLS
        reach = (_odd(2.0 / cell), _odd(1.2 / cell)) if view.in_metres else (3, 3)
        self._stops = StopWatch(still, least, reach, view.valid if view.in_metres else None, dwell_s)
        self._state: State = "unknown"
        self._ids = dict.fromkeys(("wrong_way", "state"), 0)
        self.events: list[CameraEvent] = []
        """Everything since `taken`."""

    @property
    def stopped(self) -> int:
        """Vehicles that stand there now."""
        return self._stops.told

    @property
    def standing(self) -> Mask:
        """Covered cells that have stood for some seconds."""
        return self._stops.standing

    @property
    def ghosts(self) -> Mask:
        """Cells that differ from what is held for the road because that is wrong."""
        return self._stops.ghosts

    def look(self, seen: Floats, road: Floats, covered: Mask, unknown: Mask, moving: Mask, at_ms: int) -> None:
        """One look at the carriageway: see `StopWatch.look`."""
        for change in self._stops.look(seen, road, covered, unknown, moving, at_ms):
            self._tell_stop(change)

    def state(self, state: State, confidence: float, at_ms: int) -> None:
        """The congestion state now."""
        if state != self._state:
            self._state = state
            self._tell("state", at_ms, at_ms, confidence, value=state)

    def wrong_way(self, at_ms: int, now_ms: int, confidence: float, box: tuple[float, float, float, float] | None) -> None:
        """A vehicle drove against the traffic at `at_ms`."""
        self._tell("wrong_way", at_ms, now_ms, confidence, box=box)

    def taken(self) -> tuple[CameraEvent, ...]:
        """The events so far; begins the next list."""
        events, self.events = tuple(self.events), []
        return events

    def forget(self) -> None:
        """The camera was sick."""
        self._stops.forget()

    def _tell(self, kind: Literal["wrong_way", "state"], began_ms: int, at_ms: int, confidence: float, **rest: Any) -> None:  # noqa: ANN401
        number = self._ids[kind]
        self._ids[kind] = number + 1
        self.events.append(CameraEvent(kind, "begin", number, at_ms, began_ms, round(confidence, 3), self._direction, **rest))

    def _tell_stop(self, change: Change) -> None:
        stop = change.stop
        self.events.append(
            CameraEvent(
                "stopped_vehicle", "begin" if change.begins else "end", stop.id, change.at_ms, stop.since_ms, change.confidence,
                self._direction, dwell_s=round((change.at_ms - stop.since_ms) / 1000, 1), box=self._box(stop),
            )
        )  # fmt: skip

    def _box(self, stop: Stop) -> tuple[float, float, float, float]:
        x = (self._view.map_x[stop.cells] + 0.5) * self._view.step / self._size[0]
        y = (self._view.map_y[stop.cells] + 0.5) * self._view.step / self._size[1]
        left, top, right, bottom = (round(float(np.clip(v, 0, 1)), 4) for v in (x.min(), y.min(), x.max(), y.max()))
        return left, top, right, bottom

    def snapshot(self) -> dict[str, Any]:
        """Everything."""
        return {
            "stops": self._stops.snapshot(), "state": self._state, "ids": dict(self._ids),
            "events": [msgspec.to_builtins(event) for event in self.events],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._stops.restore(state["stops"])
        self._state, self._ids = state["state"], dict(state["ids"])
        self.events = [msgspec.convert(event, CameraEvent) for event in state["events"]]


def _odd(cells: float) -> int:
    return max(3, 2 * round((cells - 1) / 2) + 1)
