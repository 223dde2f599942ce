"""Temperature at the station."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="air_temperature",
    title=Text("Nhiệt độ", "Temperature"),
    about=Text("Trung bình mỗi khoảng tại trạm.", "Mean of each window at the station."),
    question=Windows(Of(("temperature",), kind="air"), "mean", empty="null"),
    draw="lines",
    unit="Cel",
    least_min=10,
)
