"""PM2.5 as measured and as corrected."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="air_corrected",
    title=Text("PM2,5: đo được và đã hiệu chỉnh", "PM2.5, measured and corrected"),
    about=Text(
        "Trung bình mỗi khoảng. Chỉ thiết bị ghi mô hình trong danh bạ mới có đường đã hiệu chỉnh; giá trị đo luôn được giữ.",
        "Mean of each window. Only a device that names a model in the registry has a corrected line; the measured values are always kept.",
    ),
    question=Windows(Of(("pm25", "pm25_corrected"), kind="air"), "mean", empty="null"),
    draw="lines",
    unit="ug/m3",
    low=0,
    thresholds=(Step(45, "medium"),),
    least_min=60,
)
