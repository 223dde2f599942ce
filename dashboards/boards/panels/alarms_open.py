"""How many alarms are open."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Count, Latest
from dashboards.boards.words import ALARMS

PANEL = Panel(
    name="alarms_open",
    title=Text("Cảnh báo đang mở", "Open alarms"),
    about=Text(
        "Số cảnh báo chưa kết thúc lúc cuối khoảng xem. Mở trang trực để xử lý.",
        "Alarms that have not ended at the end of the time shown. They are handled on the operators' page.",
    ),
    question=Count(Latest(ALARMS, within_s=30 * 86_400, above=0.0)),
    draw="stat",
    thresholds=(Step(1, "medium"), Step(10, "high")),
)
