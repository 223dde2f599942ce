"""What a road is told, as plain JSON-able tables: the same table goes to a camera's child process and to the model of its history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from city_model.settings import between, from_table
from simulators.road.flow import CURVES, Jam


@dataclass(frozen=True, slots=True)
class Traffic:
    """One direction. The first direction of a road drives away from the camera, the second comes towards it."""

    id: str
    peak_veh_h: float = between(0, 20_000, default=5_000.0)
    curve: str = "rush_hour"
    free_kmh: float = between(5, 120, default=35.0)
    jams: tuple[Jam, ...] = ()


@dataclass(frozen=True, slots=True)
class RoadSpec:
    """A road between `origin_ms` and `end_ms` (Unix time), and the picture a camera takes of it from `start_ms` to `stop_ms`."""

    seed: int
    origin_ms: int
    end_ms: int
    directions: tuple[Traffic, ...]
    utc_offset_s: int = 7 * 3600
    start_ms: int = 0
    stop_ms: int = 0
    fps: float = between(0.1, 60, default=10.0)
    width: int = between(64, 3840, default=320)
    height: int = between(48, 2160, default=240)
    pixels: Literal["bgr", "gray"] = "bgr"

    def check(self) -> Iterable[tuple[str, str, str]]:
        """Across fields."""
        if self.end_ms <= self.origin_ms:
            yield "end_ms", str(self.end_ms), f"after origin_ms {self.origin_ms}"
        if not 1 <= len(self.directions) <= 2:
            yield "directions", str(len(self.directions)), "one or two"
        for direction in self.directions:
            if direction.curve not in CURVES:
                yield f"directions.{direction.id}.curve", repr(direction.curve), "one of " + ", ".join(sorted(CURVES))


def read_spec(spec: dict[str, Any]) -> RoadSpec:
    """`spec` as read from JSON. Raises ConfigError with all problems."""
    return from_table(RoadSpec, spec, "road")
