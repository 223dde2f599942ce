"""Alarms of what is chosen, in the span."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Events
from dashboards.boards.words import ALARMS, PRIORITIES

PANEL = Panel(
    name="alarms_here",
    title=Text("Cảnh báo trong khoảng này", "Alarms in this time"),
    about=Text(
        "Mỗi dòng là một lần báo ở nơi đang chọn: loại, mức ưu tiên, lúc báo.",
        "Each line is an alarm raised at the places chosen: kind, priority, when.",
    ),
    question=Events(ALARMS),
    draw="table",
    states=PRIORITIES,
)
