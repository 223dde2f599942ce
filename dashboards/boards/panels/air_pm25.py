"""PM2.5 over time."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="air_pm25",
    title=Text("PM2,5", "PM2.5"),
    about=Text(
        "Nồng độ trung bình mỗi khoảng, từng trạm. Giới hạn trung bình 24 giờ là 45 µg/m³ từ 2026 (QCVN 05:2023).",
        "Mean of each window and station. The limit of the 24-hour mean is 45 µg/m³ from 2026 on (QCVN 05:2023).",
    ),
    question=Windows(Of(("pm25",), kind="air"), "mean", empty="null"),
    draw="lines",
    unit="ug/m3",
    low=0,
    thresholds=(Step(45, "medium"),),
    least_min=10,
)
