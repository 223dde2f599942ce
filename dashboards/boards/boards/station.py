"""One air station."""

from __future__ import annotations

from dashboards.boards.panel import Board, Cell, Line, Text
from dashboards.boards.panels import (
    air_corrected,
    air_gases,
    air_humidity,
    air_index,
    air_particles,
    air_pm25,
    air_pm25_days,
    air_points,
    air_states,
    air_temperature,
    alarms_here,
)

BOARD = Board(
    name="station",
    title=Text("Trạm không khí", "Air station"),
    about=Text(
        "Mọi điều một trạm nói, và mức tin được.",
        "All that a station says, and how far it can be believed.",
    ),
    place="air",
    hours=48,
    lines=(
        Line(4, (Cell(air_states.PANEL, 24),)),
        Line(
            8,
            (
                Cell(air_pm25.PANEL, 12),
                Cell(air_index.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(air_particles.PANEL, 12),
                Cell(air_gases.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(air_corrected.PANEL, 12),
                Cell(air_humidity.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(air_temperature.PANEL, 12),
                Cell(air_points.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(air_pm25_days.PANEL, 12),
                Cell(alarms_here.PANEL, 12),
            ),
        ),
    ),
)
