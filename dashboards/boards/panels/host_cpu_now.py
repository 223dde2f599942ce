"""Newest figure of the processors."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Latest, Of

PANEL = Panel(
    name="host_cpu_now",
    title=Text("Bộ xử lý lúc này", "Processor now"),
    about=Text("Số mới nhất từng máy, không quá 15 phút.", "Newest figure of each host, at most 15 minutes old."),
    question=Latest(Of(("cpu_ratio",), "all"), within_s=900),
    draw="stat",
    unit="/",
    thresholds=(Step(0.8, "medium"), Step(0.95, "high")),
)
