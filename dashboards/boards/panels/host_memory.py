"""Utilisation: memory of the host."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="host_memory",
    title=Text("Bộ nhớ của máy", "Memory of the host"),
    about=Text(
        "Phần bộ nhớ đang dùng, nhiều nhất mỗi khoảng. Trên 90 %: tiến trình có thể bị hệ điều hành giết.",
        "Share in use, most of each window. Above 90% the system may kill processes.",
    ),
    question=Windows(Of(("memory_ratio",), "all"), "max", empty="null"),
    draw="lines",
    unit="/",
    low=0,
    high=1,
    thresholds=(Step(0.9, "high"),),
    least_min=5,
)
