"""Gases."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="air_gases",
    title=Text("Khí SO₂, NO₂, O₃", "SO₂, NO₂, O₃"),
    about=Text("Nồng độ trung bình mỗi khoảng, nếu trạm có đo.", "Mean of each window, where the station measures it."),
    question=Windows(Of(("so2", "no2", "o3"), kind="air"), "mean", empty="null"),
    draw="lines",
    unit="ug/m3",
    low=0,
    least_min=10,
)
