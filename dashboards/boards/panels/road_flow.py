"""Flow of each camera."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="road_flow",
    title=Text("Lưu lượng", "Flow"),
    about=Text(
        "Xe quy đổi mỗi giờ, trung bình mỗi khoảng, từng hướng.",
        "Passenger car units an hour, mean of each window and direction.",
    ),
    question=Windows(Of(("flow_pcu_h",), kind="camera"), "mean", empty="null"),
    draw="lines",
    unit="PCU/h",
    low=0,
    least_min=5,
)
