"""What arrived, by hour of event time."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="items_received",
    title=Text("Số mục nhận được theo giờ đo", "Items received by the hour they are of"),
    about=Text(
        (
            "Mọi thiết bị cộng lại, theo giờ của sự việc chứ không phải giờ đến. Giờ thấp mà sau đó đầy lên: dữ liệu đến muộn nhưng "
            "không mất."
        ),
        "All devices together, by the hour of the event, not of arrival. An hour that fills up later came late and is not lost.",
    ),
    question=Windows(Of(("items_received",)), "sum", empty="zero", split="all"),
    draw="bars",
    low=0,
    least_min=60,
)
