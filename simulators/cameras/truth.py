"""What people saw on the clips of a folder: its ground_truth.json.

`counts.<clip>`: `file`, `fps`, `size`, and `lines.<line>` with `line` [x1, y1, x2, y2] in pixels, `direction_vector` [x, y], `count` ..
`count_max` vehicles, `t` the frames in which they touch the line, `motorcycles_t` what may or may not be counted.
`congestion.<camera>.<time>`: `carriageways.<name>` a polygon, `<name>` its state: free, slow, jam, or anything else to leave it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from city_model.faults import Rejected
from stream_processor.core.vision.geometry import CameraGeometry, Carriageway, Point

STATES = ("free", "slow", "jam")


@dataclass(frozen=True, slots=True)
class TrueLine:
    """One counting line and who crossed it; `frames` are counted from 0 in one pass of the clip."""

    name: str
    line: tuple[float, float, float, float]
    direction_vector: Point
    count: int
    count_max: int
    frames: tuple[float, ...]
    motorcycles: int


@dataclass(frozen=True, slots=True)
class TrueClip:
    """A clip with counting lines. `size`: width and height in pixels."""

    name: str
    path: Path
    fps: float
    size: tuple[int, int]
    lines: tuple[TrueLine, ...]

    @property
    def geometry(self) -> CameraGeometry:
        """One carriageway a line, named after it: line and direction, nothing else."""
        ways = tuple(Carriageway(one.name, (), one.direction_vector, None, one.line) for one in self.lines)
        return CameraGeometry(self.size, ways)


@dataclass(frozen=True, slots=True)
class TrueState:
    """A clip whose carriageways have one state each from beginning to end; `ways`: name, polygon, state ("" : not to be scored)."""

    name: str
    path: Path
    ways: tuple[tuple[str, tuple[Point, ...], str], ...]
    is_night: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """All of a folder's truth, in the order of names."""

    clips: tuple[TrueClip, ...]
    states: tuple[TrueState, ...]


def read_truth(data: Path) -> Truth:
    """The truth of folder `data`. Raises Rejected for a file that is no such truth."""
    try:
        told = msgspec.json.decode((data / "ground_truth.json").read_bytes())
        clips = tuple(_clip(data, name, entry) for name, entry in sorted(told.get("counts", {}).items()))
        states = tuple(_states(data, told.get("congestion", {})))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as err:
        raise Rejected("bad_truth", f"{data / 'ground_truth.json'}: {type(err).__name__}: {err}") from err
    return Truth(clips, states)


def _clip(data: Path, name: str, entry: dict[str, Any]) -> TrueClip:
    lines = tuple(_line(line, told) for line, told in entry["lines"].items())
    width, height = entry["size"]
    return TrueClip(name, data / entry["file"], float(entry["fps"]), (int(width), int(height)), lines)


def _line(name: str, told: dict[str, Any]) -> TrueLine:
    x1, y1, x2, y2 = map(float, told["line"])
    dx, dy = map(float, told["direction_vector"])
    frames = tuple(sorted(map(float, told["t"])))
    return TrueLine(name, (x1, y1, x2, y2), (dx, dy), told["count"], told["count_max"], frames, len(told.get("motorcycles_t", ())))


def _states(data: Path, cameras: dict[str, Any]) -> Iterator[TrueState]:
    for camera, clips in sorted(cameras.items()):
        for time, told in sorted(clips.items()):
            found = sorted((data / camera).glob(f"*{time}*"))
            if not found:
                raise Rejected("bad_truth", f"{data / camera}: no clip of {time}")
            ways = tuple(
                (way, tuple((float(x), float(y)) for x, y in polygon), told[way] if told.get(way) in STATES else "")
                for way, polygon in sorted(told["carriageways"].items())
            )
            yield TrueState(f"{camera}/{time}", found[0], ways, bool(told.get("night", False)))
