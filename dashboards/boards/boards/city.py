"""What in the city needs attention."""

from __future__ import annotations

from dashboards.boards.panel import Board, Cell, Line, Text
from dashboards.boards.panels import (
    air_map,
    air_now,
    alarms_list,
    alarms_open,
    alarms_raised,
    roads_map,
    roads_now,
    silent_count,
    silent_list,
)

BOARD = Board(
    name="city",
    title=Text("Thành phố: điều gì cần chú ý", "City: what needs attention"),
    about=Text(
        "Cảnh báo, đường phố, không khí và thiết bị im lặng, toàn thành phố.",
        "Alarms, roads, air and silent devices, of the whole city.",
    ),
    place="area",
    hours=6,
    lines=(
        Line(
            4,
            (
                Cell(alarms_open.PANEL, 4),
                Cell(silent_count.PANEL, 4),
                Cell(roads_now.PANEL, 8),
                Cell(air_now.PANEL, 8),
            ),
        ),
        Line(
            11,
            (
                Cell(roads_map.PANEL, 12),
                Cell(air_map.PANEL, 12),
            ),
        ),
        Line(8, (Cell(alarms_list.PANEL, 12), Cell(silent_list.PANEL, 12))),
        Line(7, (Cell(alarms_raised.PANEL, 24),)),
    ),
    down=(
        "corridor",
        "air",
        "ledger",
        "pipeline",
    ),
)
