"""The account of each device."""

from __future__ import annotations

from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Total
from dashboards.boards.words import ITEMS

PANEL = Panel(
    name="items_ledger",
    title=Text("Sổ giao nhận từng thiết bị", "Account of each device"),
    about=Text(
        (
            "Tổng trong khoảng xem: nhận, thiếu, muộn, trùng, sai giờ. Trùng là bình thường sau khi mất mạng; muộn nhiều là đường "
            "truyền hay đứt."
        ),
        (
            "Totals of the time shown: received, missing, late, duplicate, of the future. Duplicates are normal after an outage; "
            "many late ones mean a line that often breaks."
        ),
    ),
    question=Total(ITEMS, "sum"),
    draw="table",
)
