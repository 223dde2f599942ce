"""How many roads are in which state."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import NowCounts, Of
from dashboards.boards.words import CAMERA_FRESH_S, ROAD_BANDS, ROAD_STATES

PANEL = Panel(
    name="roads_now",
    title=Text("Đường phố lúc này", "Roads now"),
    about=Text(
        "Số hướng đường theo trạng thái, từ tốc độ của 15 phút cuối. Không có số liệu là không biết, không phải là thông thoáng.",
        "Directions of travel by state, from the speed of the last 15 minutes. What is not seen is unknown, never free.",
    ),
    question=NowCounts(Of(("speed_kmh",), kind="camera"), ROAD_BANDS, CAMERA_FRESH_S),
    draw="counts",
    states=ROAD_STATES,
)
