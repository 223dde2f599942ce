"""VN_AQI over time."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows
from dashboards.boards.words import AIR_STEPS

PANEL = Panel(
    name="air_index",
    title=Text("VN_AQI giờ", "Hourly VN_AQI"),
    about=Text(
        "Chỉ số từng trạm. Trên 100: người nhạy cảm hạn chế ra ngoài; trên 150: mọi người.",
        "Index of each station. Above 100 sensitive people should stay in, above 150 everybody.",
    ),
    question=Windows(Of(("vn_aqi",), kind="air"), "last", empty="null"),
    draw="lines",
    low=0,
    least_min=60,
    thresholds=AIR_STEPS,
)
