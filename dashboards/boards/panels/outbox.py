"""What waits at the poles."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="outbox",
    title=Text("Hộp gửi ở cột", "Outboxes at the poles"),
    about=Text(
        "Số mục đang chờ gửi, nhiều nhất mỗi khoảng. Tăng đều: mất đường truyền hoặc máy chủ không xác nhận.",
        "Items waiting to be sent, most of each window. A steady rise: the line is down or the server does not acknowledge.",
    ),
    question=Windows(Of(("outbox_items",), "all"), "max", empty="null"),
    draw="lines",
    low=0,
    least_min=5,
)
