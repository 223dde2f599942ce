"""From reading to sight."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Step, Text
from dashboards.boards.question import Of, Quantiles

PANEL = Panel(
    name="canary",
    title=Text("Từ lúc đo đến khi thấy", "From reading to sight"),
    about=Text(
        "Một số đo thử mỗi 10 giây đi hết đường. Trung vị và bách phân vị 99; mức hứa là 1 giây.",
        "A trial reading every 10 seconds walks the whole way. Median and 99th percentile; the promise is one second.",
    ),
    question=Quantiles(Of(("canary_ms",), "all"), (0.5, 0.99)),
    draw="lines",
    unit="ms",
    low=0,
    least_min=5,
    thresholds=(Step(1000, "medium"),),
)
