"""Errors of each service."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="service_errors",
    title=Text("Lỗi", "Errors"),
    about=Text(
        "Số lỗi mỗi giây, nhiều nhất mỗi khoảng; phải là 0. Đọc thư chết và nhật ký của dịch vụ đó.",
        "Errors a second, most of each window; should be 0. Read the dead letters and that service's log.",
    ),
    question=Windows(Of(("errors_per_s",), "all"), "max", empty="null"),
    draw="lines",
    unit="1/s",
    low=0,
    thresholds=(Step(0.1, "medium"), Step(1, "high")),
    least_min=5,
)
