"""What still waits in the log."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="service_lag",
    title=Text("Còn chờ trong nhật ký", "Waiting in the log"),
    about=Text(
        "Số mục từng dịch vụ còn phải đọc, nhiều nhất mỗi khoảng. Tăng mãi: dịch vụ không theo kịp, thêm một tiến trình.",
        "Items each service has still to read, most of each window. Ever rising: it does not keep up; add a worker.",
    ),
    question=Windows(Of(("lag_items",), "all"), "max", empty="null"),
    draw="lines",
    low=0,
    least_min=5,
)
