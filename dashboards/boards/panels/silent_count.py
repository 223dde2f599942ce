"""How many devices are silent."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Count, Silent
from dashboards.boards.words import HEARD

PANEL = Panel(
    name="silent_count",
    title=Text("Thiết bị im lặng", "Silent devices"),
    about=Text(
        "Số camera và trạm không gửi gì hơn 30 phút. Im lặng không có nghĩa là mọi việc đều ổn.",
        "Cameras and stations that have sent nothing for over 30 minutes. Silence does not mean that all is well.",
    ),
    question=Count(Silent(HEARD, after_s=1800)),
    draw="stat",
    thresholds=(Step(1, "medium"), Step(10, "high")),
)
