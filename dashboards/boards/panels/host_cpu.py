"""Utilisation: processor."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="host_cpu",
    title=Text("Bộ xử lý", "Processor"),
    about=Text(
        "Phần bộ xử lý đang dùng của từng máy, trung bình mỗi khoảng. Trên 80 % kéo dài: thiếu chỗ cho giờ cao điểm.",
        "Share of each host's processor in use, mean of each window. Above 80% for long: no room for the rush hour.",
    ),
    question=Windows(Of(("cpu_ratio",), "all"), "mean", empty="null"),
    draw="lines",
    unit="/",
    low=0,
    high=1,
    thresholds=(Step(0.8, "medium"), Step(0.95, "high")),
    least_min=5,
)
