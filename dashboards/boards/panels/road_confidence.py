"""How sure the camera is."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="road_confidence",
    title=Text("Độ tin cậy của camera", "Confidence of the camera"),
    about=Text(
        "Camera tự tin đến đâu vào số đo của nó, thấp nhất mỗi khoảng. Dưới 50 %: lau kính, kiểm tra hướng và ánh sáng.",
        "How sure the camera is of its figures, minimum of each window. Below 50%: clean the glass, check aim and light.",
    ),
    question=Windows(Of(("confidence",), kind="camera"), "min", empty="null", split="device"),
    draw="lines",
    unit="/",
    low=0,
    high=1,
    least_min=5,
)
