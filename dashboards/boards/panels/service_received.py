"""Rate: what each service takes in."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="service_received",
    title=Text("Tốc độ nhận", "Rate"),
    about=Text(
        "Số mục mỗi giây của từng dịch vụ, trung bình mỗi khoảng. Rơi xuống 0 mà thành phố vẫn đo: đường vào hỏng.",
        "Items a second of each service, mean of each window. Zero while the city still measures: the way in is broken.",
    ),
    question=Windows(Of(("received_per_s",), "all"), "mean", empty="null"),
    draw="lines",
    unit="1/s",
    low=0,
    least_min=5,
)
