"""Duration: how long things take."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Quantiles

PANEL = Panel(
    name="service_latency",
    title=Text("Thời gian xử lý", "Duration"),
    about=Text(
        "Trung vị và bách phân vị 99 từng dịch vụ, chính xác từ số đo gốc.",
        "Median and 99th percentile of each service, exact over raw values.",
    ),
    question=Quantiles(Of(("latency_ms",), "all"), (0.5, 0.99), split="device"),
    draw="lines",
    unit="ms",
    low=0,
    least_min=5,
)
