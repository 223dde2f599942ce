"""One corridor of roads or several."""

from __future__ import annotations

from dashboards.boards.panel import Board, Cell, Line, Text
from dashboards.boards.panels import alarms_here, road_flow, road_occupancy, road_speed, road_states

BOARD = Board(
    name="corridor",
    title=Text("Hành lang giao thông", "Corridor"),
    about=Text(
        "Trạng thái, tốc độ và lưu lượng của các camera đã chọn.",
        "State, speed and flow of the cameras chosen.",
    ),
    place="area",
    hours=6,
    lines=(
        Line(9, (Cell(road_states.PANEL, 24),)),
        Line(
            9,
            (
                Cell(road_speed.PANEL, 12),
                Cell(road_flow.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(road_occupancy.PANEL, 12),
                Cell(alarms_here.PANEL, 12),
            ),
        ),
    ),
    down=("camera",),
)
