"""Utilisation: disk."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="host_disk",
    title=Text("Đĩa", "Disk"),
    about=Text(
        "Phần đĩa đang dùng. Trên 85 %: rút ngắn thời gian giữ dữ liệu hoặc thêm đĩa; đầy đĩa là mất dữ liệu.",
        "Share of the disk in use. Above 85%: keep less or add a disk; a full disk loses data.",
    ),
    question=Windows(Of(("disk_ratio",), "all"), "max", empty="null"),
    draw="lines",
    unit="/",
    low=0,
    high=1,
    thresholds=(Step(0.85, "medium"), Step(0.95, "high")),
    least_min=5,
)
