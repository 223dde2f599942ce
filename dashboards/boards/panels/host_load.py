"""Saturation: load per core."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="host_load",
    title=Text("Tải trên mỗi lõi", "Load per core"),
    about=Text("Trên 1: có việc phải chờ bộ xử lý.", "Above 1: work waits for a processor."),
    question=Windows(Of(("load_ratio",), "all"), "max", empty="null"),
    draw="lines",
    unit="/",
    low=0,
    thresholds=(Step(1, "medium"),),
    least_min=5,
)
