"""How many samples came."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Of, Windows

PANEL = Panel(
    name="road_points",
    title=Text("Số mẫu nhận được", "Samples received"),
    about=Text(
        "Số mẫu trong mỗi khoảng; không có mẫu là 0. Cột thấp đi nghĩa là mất dữ liệu hoặc camera chậm.",
        "Samples in each window; none is 0. Lower bars mean lost data or a slow camera.",
    ),
    question=Windows(Of(("area_occupancy",), kind="camera"), "count", empty="zero"),
    draw="bars",
    low=0,
    least_min=5,
)
