"""The stations together."""

from __future__ import annotations

from dashboards.boards.panel import Board, Cell, Line, Text
from dashboards.boards.panels import air_index, air_pm25, air_pm25_days, air_spread, air_states, alarms_here

BOARD = Board(
    name="air",
    title=Text("Mạng quan trắc không khí", "Air network"),
    about=Text(
        "VN_AQI và bụi mịn của các trạm đã chọn.",
        "VN_AQI and fine particles of the stations chosen.",
    ),
    place="area",
    hours=48,
    lines=(
        Line(7, (Cell(air_states.PANEL, 24),)),
        Line(
            9,
            (
                Cell(air_pm25.PANEL, 12),
                Cell(air_spread.PANEL, 12),
            ),
        ),
        Line(
            9,
            (
                Cell(air_index.PANEL, 12),
                Cell(air_pm25_days.PANEL, 12),
            ),
        ),
        Line(7, (Cell(alarms_here.PANEL, 24),)),
    ),
    down=("station",),
)
