"""How long each has run."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Latest, Of

PANEL = Panel(
    name="service_up",
    title=Text("Đã chạy được", "Running for"),
    about=Text(
        "Thời gian từ lần khởi động cuối. Nhỏ bất thường: dịch vụ vừa chết và được dựng lại.",
        "Time since the last start. Unexpectedly small: it died and was started again.",
    ),
    question=Latest(Of(("up_s",), "all"), within_s=900),
    draw="stat",
    unit="s",
)
