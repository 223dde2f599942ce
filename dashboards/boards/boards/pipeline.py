"""The services: rate, errors, duration."""

from __future__ import annotations

from dashboards.boards.panel import Board, Cell, Line, Text
from dashboards.boards.panels import canary, outbox, service_errors, service_lag, service_latency, service_received, service_up

BOARD = Board(
    name="pipeline",
    title=Text("Đường ống dữ liệu", "Pipeline"),
    about=Text(
        "Tốc độ, lỗi và thời gian của từng dịch vụ (RED).",
        "Rate, errors and duration of each service (RED).",
    ),
    place="none",
    hours=6,
    lines=(
        Line(4, (Cell(service_up.PANEL, 24),)),
        Line(
            8,
            (
                Cell(service_received.PANEL, 12),
                Cell(service_errors.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(service_latency.PANEL, 12),
                Cell(canary.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(service_lag.PANEL, 12),
                Cell(outbox.PANEL, 12),
            ),
        ),
    ),
    down=("hosts",),
)
