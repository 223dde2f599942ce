"""Speed of each direction."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows
from dashboards.boards.words import ROAD_STEPS

PANEL = Panel(
    name="road_speed",
    title=Text("Tốc độ", "Speed"),
    about=Text(
        "Tốc độ trung bình mỗi khoảng, từng hướng. Chỗ đứt là không có số liệu.",
        "Mean speed of each window and direction. Where the line breaks nothing was seen.",
    ),
    question=Windows(Of(("speed_kmh",), kind="camera"), "mean", empty="null"),
    draw="lines",
    unit="km/h",
    low=0,
    thresholds=ROAD_STEPS,
    least_min=5,
)
