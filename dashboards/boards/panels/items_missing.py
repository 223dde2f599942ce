"""What is missing, by hour of event time."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="items_missing",
    title=Text("Số mục thiếu theo giờ đo", "Items missing by the hour they are of"),
    about=Text(
        "Số thứ tự không còn ai chờ nữa. Phải là 0: khác 0 nghĩa là thiết bị đã bỏ dữ liệu, xem hộp gửi của nó.",
        "Sequence numbers nobody waits for any longer. Should be 0: else a device gave data up; look at its outbox.",
    ),
    question=Windows(Of(("items_missing",)), "sum", empty="zero", split="all"),
    draw="bars",
    low=0,
    least_min=60,
    thresholds=(Step(1, "medium"),),
)
