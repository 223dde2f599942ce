"""What several panels share: series, bands and how states are called."""

from __future__ import annotations

from dashboards.boards.panel import State, Step, Text
from dashboards.boards.question import Bands, Of

ALARM_KINDS = ("congestion", "pollution", "stopped_vehicle", "wrong_way", "incident", "maintenance")
ALARMS = Of(tuple(f"alarm_{kind}" for kind in ALARM_KINDS))
"""Series of alarms, one for each subject and kind: the priority (1 to 3) when one is raised or goes up, 0 when it is over."""

ITEMS = Of(("items_received", "items_missing", "items_late", "items_duplicate", "items_future"))
"""Accounts of the engine: how many items of a device and hour, spread over points within that hour that are to be added up."""

HEARD = Of(("area_occupancy", "pm25", "pm10", "so2", "no2", "co", "o3", "temperature", "humidity"))
"""What a camera or a station says when it says anything."""

ROAD_BANDS = Bands((20.0, 15.0), "below")
"""km/h; the desk's page calls the same speeds slow, and the shipped rule of congestion the same a jam."""
AIR_BANDS = Bands((50.5, 100.5, 150.5, 200.5, 300.5))
"""VN_AQI is a whole number: bands 0-50, 51-100, 101-150, 151-200, 201-300, 301-500 (Decision 1459/QĐ-TCMT)."""
CAMERA_FRESH_S = 900
AIR_FRESH_S = 3 * 3600
"""An hour's index is stamped with the beginning of its hour and comes at its end."""

ROAD_STEPS = (Step(0, "high"), Step(15, "medium"), Step(20, "ok"))
AIR_STEPS = (Step(51, "aqi2"), Step(101, "aqi3"), Step(151, "aqi4"), Step(201, "aqi5"), Step(301, "aqi6"))

ROAD_STATES = (
    State(Text("thông thoáng", "free"), "ok"),
    State(Text("chậm", "slow"), "medium"),
    State(Text("tắc", "jammed"), "high"),
)
AIR_STATES = (
    State(Text("Tốt", "Good"), "aqi1"),
    State(Text("Trung bình", "Moderate"), "aqi2"),
    State(Text("Kém", "Poor"), "aqi3"),
    State(Text("Xấu", "Bad"), "aqi4"),
    State(Text("Rất xấu", "Very bad"), "aqi5"),
    State(Text("Nguy hại", "Hazardous"), "aqi6"),
)
PRIORITIES = (
    State(Text("hết", "over"), "ok"),
    State(Text("thấp", "low"), "low"),
    State(Text("trung bình", "medium"), "medium"),
    State(Text("cao", "high"), "high"),
)
UNKNOWN_STATE = State(Text("không biết", "unknown"), "unknown")
QUANTITY_WORDS = {
    **{f"alarm_{kind}": words for kind, words in zip(ALARM_KINDS, (
        Text("Ùn tắc", "Congestion"), Text("Ô nhiễm", "Pollution"), Text("Xe dừng", "Stopped vehicle"), Text("Ngược chiều", "Wrong way"),
        Text("Sự cố", "Incident"), Text("Bảo trì", "Maintenance"),
    ), strict=True)},
    "items_received": Text("nhận", "received"), "items_missing": Text("thiếu", "missing"), "items_late": Text("muộn", "late"),
    "items_duplicate": Text("trùng", "duplicate"), "items_future": Text("sai giờ", "of the future"),
    "vn_aqi": Text("VN_AQI", "VN_AQI"), "confidence": Text("Độ tin cậy", "Confidence"),
}  # fmt: skip
"""Quantities that no sensor sends."""

PAGE_WORDS = {
    "boards": Text("Các bảng", "Boards"), "desk": Text("Trang trực", "Operators' page"), "all": Text("Tất cả", "All"),
    "area": Text("Khu vực", "Area"), "site": Text("Địa điểm", "Site"), "device": Text("Thiết bị", "Device"), "span": Text("Khoảng", "Span"),
    "none": Text("Không có gì trong khoảng này", "Nothing in this time"), "unknown": UNKNOWN_STATE.name,
    "failed": Text("Không tải được bảng. Đang thử lại…", "The board could not be loaded. Trying again…"),
    "about": Text("Ý nghĩa", "What it means"), "what": Text("Gì", "What"), "when": Text("Lúc", "When"), "ago": Text("Cách đây", "Age"),
    "value": Text("Giá trị", "Value"), "level": Text("Mức", "Level"),
    "never": Text("chưa bao giờ trong 24 giờ", "not in 24 hours"), "total": Text("Tổng", "Total"),
    "lang": Text("Ngôn ngữ", "Language"), "theme": Text("Giao diện", "Appearance"), "day": Text("Ngày", "Day"),
    "night": Text("Đêm", "Night"),
    "map": Text("Bản đồ; bảng bên cạnh nêu cùng nội dung", "Map; the figures beside it say the same"),
    "of": Text("mỗi điểm: {span}", "each point: {span}"),
}  # fmt: skip
"""Words of the page that draws boards."""
