"""Humidity, which particle sensors suffer from."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="air_humidity",
    title=Text("Độ ẩm", "Relative humidity"),
    about=Text(
        "Trung bình mỗi khoảng. Trên 85 % cảm biến bụi giá rẻ đọc cao hơn thật.",
        "Mean of each window. Above 85% cheap particle sensors read too high.",
    ),
    question=Windows(Of(("humidity",), kind="air"), "mean", empty="null"),
    draw="lines",
    unit="%RH",
    low=0,
    high=100,
    thresholds=(Step(85, "low"),),
    least_min=10,
)
