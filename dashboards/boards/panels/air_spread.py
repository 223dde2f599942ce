"""How far apart the stations are."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Quantiles

PANEL = Panel(
    name="air_spread",
    title=Text("PM2,5: trạm ở giữa và trạm cao nhất", "PM2.5: the middle and the worst"),
    about=Text(
        ("Trung vị và bách phân vị 95 của mọi số đo trong mỗi khoảng. Hai đường xa nhau: nguồn ở gần một trạm; cùng cao: ô nhiễm cả vùng."),
        "Median and 95th percentile of all readings of each window. Far apart: a source near one station; both high: the whole airshed.",
    ),
    question=Quantiles(Of(("pm25",), kind="air"), (0.5, 0.95)),
    draw="lines",
    unit="ug/m3",
    low=0,
    least_min=10,
)
