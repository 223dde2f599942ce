"""Which devices are silent, since when."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Silent
from dashboards.boards.words import HEARD

PANEL = Panel(
    name="silent_list",
    title=Text("Thiết bị nào im lặng", "Which devices are silent"),
    about=Text(
        "Thiết bị, lần cuối nghe được và đã bao lâu. Kiểm tra nguồn điện, đường truyền, rồi hộp gửi của thiết bị.",
        "The device, when it was last heard and how long ago. Check power, then the line, then the outbox at the pole.",
    ),
    question=Silent(HEARD, after_s=1800),
    draw="table",
    unit="s",
)
