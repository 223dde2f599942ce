"""How many readings came."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="air_points",
    title=Text("Số lần đo nhận được", "Readings received"),
    about=Text("Số lần đo bụi trong mỗi khoảng; không có là 0.", "Readings of particles in each window; none is 0."),
    question=Windows(Of(("pm25",), kind="air"), "count", empty="zero"),
    draw="bars",
    low=0,
    least_min=60,
)
