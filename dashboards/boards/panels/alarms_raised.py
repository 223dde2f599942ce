"""How many alarms were raised when."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import EventCounts
from dashboards.boards.words import ALARMS

PANEL = Panel(
    name="alarms_raised",
    title=Text("Cảnh báo mới theo thời gian", "Alarms raised over time"),
    about=Text(
        "Số cảnh báo bắt đầu trong mỗi khoảng, theo loại. Trên 2 cảnh báo mỗi 10 phút là mức một người không theo kịp (EEMUA 191).",
        "Alarms that began in each window, by kind. More than two in ten minutes is what one operator cannot keep up with (EEMUA 191).",
    ),
    question=EventCounts(ALARMS),
    draw="bars",
    least_min=10,
)
