"""Stations on the map by band."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Now, Of
from dashboards.boards.words import AIR_BANDS, AIR_FRESH_S, AIR_STATES

PANEL = Panel(
    name="air_map",
    title=Text("Bản đồ không khí", "Map of the air"),
    about=Text(
        "Mỗi trạm theo bậc VN_AQI giờ mới nhất; viền nét đứt là không biết.",
        "Each station by the band of its newest hourly VN_AQI; a dashed rim is unknown.",
    ),
    question=Now(Of(("vn_aqi",), kind="air"), AIR_BANDS, AIR_FRESH_S, "device"),
    draw="map",
    states=AIR_STATES,
)
