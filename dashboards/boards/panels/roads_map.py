"""Cameras on the map by the state of their worst direction."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Now, Of
from dashboards.boards.words import CAMERA_FRESH_S, ROAD_BANDS, ROAD_STATES

PANEL = Panel(
    name="roads_map",
    title=Text("Bản đồ giao thông", "Map of the roads"),
    about=Text(
        "Mỗi camera theo hướng xấu nhất của nó trong 15 phút cuối; viền nét đứt là không biết.",
        "Each camera by its worst direction in the last 15 minutes; a dashed rim is unknown.",
    ),
    question=Now(Of(("speed_kmh",), kind="camera"), ROAD_BANDS, CAMERA_FRESH_S, "device"),
    draw="map",
    states=ROAD_STATES,
)
