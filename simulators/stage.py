"""A story made real: the road under each camera, the air over the stations, what a camera's child process is told."""

from __future__ import annotations

from typing import Any

from simulators.air import AirModel, Plume, Station, Wind
from simulators.road.model import RoadModel
from simulators.road.spec import read_spec
from simulators.story import CameraPart, Story


def road_spec(story: Story, device: str) -> dict[str, Any]:
    """The road of a camera, JSON-able, for `RoadModel`; with `start_ms` and `stop_ms` set it is what `draw.frames` wants."""
    camera = camera_part(story, device)
    number = sorted(d.id for d in story.registry.device).index(device)
    directions = zip(story.registry.devices[device].directions, camera.peak_veh_h, strict=True)
    return {
        "seed": story.seed * 1000 + number,
        "origin_ms": story.begin_ms,
        "end_ms": story.end_ms,
        "utc_offset_s": story.utc_offset_s,
        "directions": [
            {"id": d.id, "peak_veh_h": peak, "curve": camera.curve, "free_kmh": camera.free_kmh, "jams": _jams(story, camera, d.id)}
            for d, peak in directions
        ],
        "fps": camera.fps,
        "width": camera.width,
        "height": camera.height,
    }


def frames_spec(story: Story, device: str, start_ms: int, stop_ms: int) -> dict[str, Any]:
    """What `simulators.road.draw:frames` is given for the pictures from `start_ms` to before `stop_ms`."""
    return {**road_spec(story, device), "start_ms": start_ms, "stop_ms": stop_ms}


def road_model(story: Story, device: str) -> RoadModel:
    """The road under a camera, from the begin of the history to the end of the story."""
    return RoadModel(read_spec(road_spec(story, device)))


def air_model(story: Story) -> AirModel:
    """The air over all stations that play."""
    stations = []
    for part in story.air:
        site = story.registry.site_of(part.device)
        quantities = story.registry.devices[part.device].quantities
        stations.append(Station(part.device, site.latitude, site.longitude, quantities, part.pm25))
    plumes = [Plume(p.latitude, p.longitude, story.at_ms(p.from_min), story.at_ms(p.to_min), p.pm25_at_1km) for p in story.plume]
    return AirModel(story.seed, stations, Wind(story.wind.from_deg, story.wind.speed_m_s), plumes, story.utc_offset_s)


def drawn_windows(story: Story, device: str) -> list[tuple[int, int]]:
    """When a camera's pictures are drawn: (from, to) in Unix ms."""
    return [(story.at_ms(begin), story.at_ms(end)) for begin, end in camera_part(story, device).drawn]


def camera_part(story: Story, device: str) -> CameraPart:
    """The camera's part in the story. Unknown device: KeyError."""
    return {camera.device: camera for camera in story.camera}[device]


def _jams(story: Story, camera: CameraPart, direction: str) -> list[dict[str, float]]:
    own = [jam for jam in camera.jam if jam.direction == direction]
    return [{"from_ms": story.at_ms(j.from_min), "to_ms": story.at_ms(j.to_min), "speed_kmh": j.speed_kmh} for j in own]
