"""PM2.5 by day."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Days, Of

PANEL = Panel(
    name="air_pm25_days",
    title=Text("PM2,5 theo ngày", "PM2.5 by day"),
    about=Text(
        "Trung bình mỗi ngày theo giờ thành phố. Ngày trên 45 µg/m³ là vượt giới hạn của QCVN 05:2023.",
        "Mean of each day of the city's time. A day above 45 µg/m³ exceeds the limit of QCVN 05:2023.",
    ),
    question=Days(Of(("pm25",), kind="air"), "mean"),
    draw="lines",
    unit="ug/m3",
    low=0,
    thresholds=(Step(45, "medium"),),
)
