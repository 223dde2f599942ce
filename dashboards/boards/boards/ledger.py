"""What arrived and what did not."""

from __future__ import annotations

from dashboards.boards.panel import Board, Cell, Line, Text
from dashboards.boards.panels import canary, items_ledger, items_missing, items_received, outbox, silent_list

BOARD = Board(
    name="ledger",
    title=Text("Sổ giao nhận", "Delivery ledger"),
    about=Text(
        "Từng mục dữ liệu: đến, thiếu, muộn, trùng, theo giờ của sự việc.",
        "Every item: arrived, missing, late, duplicate, by the hour it is of.",
    ),
    place="area",
    hours=24,
    lines=(
        Line(
            8,
            (
                Cell(items_received.PANEL, 12),
                Cell(items_missing.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(outbox.PANEL, 12),
                Cell(canary.PANEL, 12),
            ),
        ),
        Line(
            10,
            (
                Cell(items_ledger.PANEL, 16),
                Cell(silent_list.PANEL, 8),
            ),
        ),
    ),
    down=(
        "camera",
        "station",
    ),
)
