"""State of each direction over time."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, States
from dashboards.boards.words import ROAD_BANDS, ROAD_STATES

PANEL = Panel(
    name="road_states",
    title=Text("Trạng thái từng hướng", "State of each direction"),
    about=Text(
        "Thông thoáng, chậm (dưới 20 km/h) hay tắc (dưới 15 km/h) theo tốc độ cuối mỗi khoảng; kẻ sọc là không biết.",
        "Free, slow (below 20 km/h) or jammed (below 15 km/h) by the last speed of each window; hatched is unknown.",
    ),
    question=States(Of(("speed_kmh",), kind="camera"), ROAD_BANDS),
    draw="states",
    states=ROAD_STATES,
    least_min=5,
)
