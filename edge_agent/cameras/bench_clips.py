"""Inputs of the bench: a clip, its geometry, and a copy in another size where no clip has the size."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np

from city_model.faults import Unavailable
from edge_agent.sources.luma import Luma
from edge_agent.sources.video import rate
from stream_processor.core.vision.geometry import CameraGeometry, Carriageway

SIZES = ((640, 360), (1280, 720), (352, 288))
_COPIED_FRAMES = 500


@dataclass(frozen=True, slots=True)
class BenchClip:
    """One input. `note` says when it is a copy."""

    path: Path
    geometry: CameraGeometry
    size: tuple[int, int]
    note: str = ""


def default_folder() -> Path:
    """The clips of $SAOLA_DATA, or of ../shared/data."""
    return Path(os.environ.get("SAOLA_DATA") or "../shared/data") / "cameras"


def given_clip(path: Path, geometry: CameraGeometry) -> BenchClip:
    """A clip of the user's. Raises Rejected when it is no video."""
    return BenchClip(path, geometry, _size(path))


def clip_of_size(folder: Path, size: tuple[int, int], made_in: Path) -> BenchClip:
    """The clip of `folder` (with its ground_truth.json) that has `size` and the most lines; else a copy of the most alike, scaled."""
    known = _known(folder)
    for clip in known:
        if clip.size == size:
            return clip
    aspect = size[0] / size[1]
    alike = min(known, key=lambda c: (abs(c.size[0] / c.size[1] - aspect) > 0.05, -c.size[0]))
    copy = made_in / f"{size[0]}x{size[1]}.mp4"
    _copy(alike.path, copy, size)
    return BenchClip(copy, alike.geometry, size, f"{alike.path.parent.name}/{alike.path.name} scaled, MPEG-4 part 2")


def write_geometry(geometry: CameraGeometry, path: Path) -> None:
    """`geometry` as CAMERA.toml: what the bench needs of it, lines, directions and polygons."""
    lines = [f"frame_size = {json.dumps(geometry.frame_size)}"] if geometry.frame_size else []
    for way in geometry.carriageways:
        given = {key: getattr(way, key) for key in ("direction", "polygon", "direction_vector", "lanes", "line")}
        lines += ["[[carriageways]]", *(f"{key} = {json.dumps(value)}" for key, value in given.items() if value)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class _Line(msgspec.Struct):
    line: tuple[float, float, float, float]
    direction_vector: tuple[float, float]


class _Counted(msgspec.Struct):
    file: str
    size: tuple[int, int]
    lines: dict[str, _Line]


class _Truth(msgspec.Struct):
    counts: dict[str, _Counted]


def _known(folder: Path) -> list[BenchClip]:
    """Clips with lines: those with the most first."""
    path = folder / "ground_truth.json"
    try:
        counts = msgspec.json.decode(path.read_bytes(), type=_Truth).counts
    except OSError as err:
        raise Unavailable(f"{folder}: no ground_truth.json there; name a folder with --data or SAOLA_DATA, or a clip") from err
    except msgspec.DecodeError as err:
        raise Unavailable(f"{path}: {err}") from err
    clips = [BenchClip(folder / one.file, _geometry(one), one.size) for one in counts.values()]
    if not clips:
        raise Unavailable(f"{path}: names no clip")
    return sorted(clips, key=lambda c: (-len(c.geometry.carriageways), str(c.path)))


def _geometry(one: _Counted) -> CameraGeometry:
    ways = (Carriageway(name, (), line.direction_vector, None, line.line) for name, line in sorted(one.lines.items()))
    return CameraGeometry(one.size, tuple(ways))


def _size(path: Path) -> tuple[int, int]:
    luma = Luma(str(path))
    picture = luma.read()
    luma.close()
    if picture is None:
        raise Unavailable(f"{path}: holds no frame")
    return picture.shape[1], picture.shape[0]


def _copy(source: Path, target: Path, size: tuple[int, int]) -> None:
    luma = Luma(str(source))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), rate(luma), size)
    frames = 0
    while frames < _COPIED_FRAMES and (picture := luma.read()) is not None:
        scaled = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        writer.write(np.ascontiguousarray(np.repeat(scaled[..., None], 3, axis=2)))
        frames += 1
    writer.release()
    luma.close()
