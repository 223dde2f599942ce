"""Which alarms are open, since when."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Latest
from dashboards.boards.words import ALARMS, PRIORITIES

PANEL = Panel(
    name="alarms_list",
    title=Text("Cảnh báo nào đang mở", "Which alarms are open"),
    about=Text(
        "Loại, nơi, mức ưu tiên (3 cao, 2 trung bình, 1 thấp) và lúc báo. Quá 10 cảnh báo một lúc là quá tải cho một người trực.",
        "Kind, place, priority (3 high, 2 medium, 1 low) and when it was raised. More than ten at once are too many for one operator.",
    ),
    question=Latest(ALARMS, within_s=30 * 86_400, above=0.0),
    draw="table",
    states=PRIORITIES,
)
