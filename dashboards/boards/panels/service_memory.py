"""Memory of each service."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="service_memory",
    title=Text("Bộ nhớ của từng dịch vụ", "Memory of each service"),
    about=Text("Nhiều nhất mỗi khoảng. Tăng mãi không xuống là rò rỉ.", "Most of each window. Ever rising is a leak."),
    question=Windows(Of(("memory_mb",), "all"), "max", empty="null"),
    draw="lines",
    unit="MB",
    low=0,
    least_min=5,
)
