"""How much of the road surface is covered."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="road_occupancy",
    title=Text("Mức chiếm dụng mặt đường", "Area occupancy"),
    about=Text(
        "Phần mặt đường bị xe che, trung bình mỗi khoảng. Trên 60 % cùng với tốc độ thấp là ùn tắc.",
        "Share of the road surface under vehicles, mean of each window. Above 60% together with low speed is congestion.",
    ),
    question=Windows(Of(("area_occupancy",), kind="camera"), "mean", empty="null"),
    draw="lines",
    unit="/",
    low=0,
    high=1,
    least_min=5,
)
