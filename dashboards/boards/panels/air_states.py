"""Band of each station over time."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, States
from dashboards.boards.words import AIR_BANDS, AIR_STATES

PANEL = Panel(
    name="air_states",
    title=Text("Bậc VN_AQI từng trạm", "VN_AQI band of each station"),
    about=Text(
        "Bậc của VN_AQI giờ; kẻ sọc là không biết. Theo Quyết định 1459/QĐ-TCMT.",
        "Band of the hourly VN_AQI; hatched is unknown. By Decision 1459/QĐ-TCMT.",
    ),
    question=States(Of(("vn_aqi",), kind="air"), AIR_BANDS),
    draw="states",
    states=AIR_STATES,
    least_min=60,
)
