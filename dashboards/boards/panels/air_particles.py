"""Coarse particles."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="air_particles",
    title=Text("PM10", "PM10"),
    about=Text(
        "Nồng độ trung bình mỗi khoảng. PM10 tăng mà PM2,5 không tăng thường là bụi đường hay công trường.",
        "Mean of each window. PM10 that rises without PM2.5 is mostly dust of roads or building sites.",
    ),
    question=Windows(Of(("pm10",), kind="air"), "mean", empty="null"),
    draw="lines",
    unit="ug/m3",
    low=0,
    least_min=10,
)
