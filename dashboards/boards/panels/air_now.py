"""How many stations are in which band of VN_AQI."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import NowCounts, Of
from dashboards.boards.words import AIR_BANDS, AIR_FRESH_S, AIR_STATES

PANEL = Panel(
    name="air_now",
    title=Text("Không khí lúc này", "Air now"),
    about=Text(
        "Số trạm theo bậc VN_AQI giờ mới nhất (không quá 3 giờ).",
        "Stations by the band of their newest hourly VN_AQI (at most three hours old).",
    ),
    question=NowCounts(Of(("vn_aqi",), kind="air"), AIR_BANDS, AIR_FRESH_S),
    draw="counts",
    states=AIR_STATES,
)
