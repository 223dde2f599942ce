"""One camera."""

from __future__ import annotations

from dashboards.boards.panel import Board, Cell, Line, Text
from dashboards.boards.panels import alarms_here, road_confidence, road_flow, road_occupancy, road_points, road_speed, road_states

BOARD = Board(
    name="camera",
    title=Text("Camera", "Camera"),
    about=Text(
        "Mọi điều một camera nói, và mức tin được.",
        "All that a camera says, and how far it can be believed.",
    ),
    place="camera",
    hours=6,
    lines=(
        Line(5, (Cell(road_states.PANEL, 24),)),
        Line(
            8,
            (
                Cell(road_speed.PANEL, 12),
                Cell(road_flow.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(road_occupancy.PANEL, 12),
                Cell(road_confidence.PANEL, 12),
            ),
        ),
        Line(
            7,
            (
                Cell(road_points.PANEL, 12),
                Cell(alarms_here.PANEL, 12),
            ),
        ),
    ),
)
