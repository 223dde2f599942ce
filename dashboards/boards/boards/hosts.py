"""The machines: utilisation, saturation, errors."""

from __future__ import annotations

from dashboards.boards.panel import Board, Cell, Line, Text
from dashboards.boards.panels import host_cpu, host_cpu_now, host_disk, host_load, host_memory, service_errors, service_memory

BOARD = Board(
    name="hosts",
    title=Text("Máy chủ", "Hosts"),
    about=Text(
        "Mức dùng, mức nghẽn và lỗi của từng máy (USE).",
        "Utilisation, saturation and errors of each machine (USE).",
    ),
    place="none",
    hours=6,
    lines=(
        Line(4, (Cell(host_cpu_now.PANEL, 24),)),
        Line(
            8,
            (
                Cell(host_cpu.PANEL, 12),
                Cell(host_load.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(host_memory.PANEL, 12),
                Cell(host_disk.PANEL, 12),
            ),
        ),
        Line(
            8,
            (
                Cell(service_memory.PANEL, 12),
                Cell(service_errors.PANEL, 12),
            ),
        ),
    ),
)
