"""The carriageways of a camera over the roads they look at: those that see the same piece of picture share its looks."""

from __future__ import annotations

from collections.abc import Sequence

from stream_processor.core.vision.geometry import CameraGeometry
from stream_processor.core.vision.look import RoadLook
from stream_processor.core.vision.road import Grey, road_view
from stream_processor.core.vision.way import CarriagewayWatch


def carriageways(geometry: CameraGeometry, width: int, height: int, dwell_s: float) -> tuple[CarriagewayWatch, ...]:
    """Fresh watches in the order of the geometry, which is scaled to the frame already. A grid in metres is one direction's own."""
    pieces: dict[object, RoadLook] = {}
    ways = []
    for way in geometry.carriageways:
        view = road_view(geometry, way, width, height)
        piece: object = way.direction if view.in_metres else way.polygon
        owns = piece not in pieces
        road = pieces.setdefault(piece, RoadLook(view))
        ways.append(CarriagewayWatch(geometry, way, (width, height), road, dwell_s, owns_road=owns))
    return tuple(ways)


def look(ways: Sequence[CarriagewayWatch], grey: Grey, at_ms: int) -> None:
    """One frame for every road: where it is looked at, all its directions judge before it settles, and conclude after."""
    for owner in ways:
        if not owner.owns_road or not owner.road.look(grey, at_ms):
            continue
        sharing = [way for way in ways if way.road is owner.road]
        still, flowing, ghosts = zip(*(way.judge(at_ms) for way in sharing), strict=True)
        owner.road.settle(still, any(flowing), at_ms, ghosts)
        for way in sharing:
            way.conclude(grey, at_ms)
