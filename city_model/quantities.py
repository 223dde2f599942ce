"""What can be measured: name, unit, plausible range. One table for edge, bridge, core and panels.

Units are written as SenML writes them (RFC 8428, RFC 8798). A value outside `low..high` is refused at the
bridge as impossible; what is merely unlikely is the sensor gate's business.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measurable quantity. `low` and `high` bound what an instrument can report at all."""

    name: str
    unit: str
    low: float
    high: float
    vi: str
    en: str


_TABLE = (
    Quantity("pm25", "ug/m3", 0, 5000, "Bụi mịn PM2,5", "PM2.5"),
    Quantity("pm10", "ug/m3", 0, 10000, "Bụi PM10", "PM10"),
    Quantity("so2", "ug/m3", 0, 10000, "SO₂", "SO₂"),
    Quantity("no2", "ug/m3", 0, 10000, "NO₂", "NO₂"),
    Quantity("co", "ug/m3", 0, 200000, "CO", "CO"),
    Quantity("o3", "ug/m3", 0, 5000, "O₃", "O₃"),
    Quantity("temperature", "Cel", -60, 85, "Nhiệt độ", "Temperature"),
    Quantity("humidity", "%RH", 0, 100, "Độ ẩm", "Relative humidity"),
    Quantity("pressure", "hPa", 300, 1100, "Áp suất", "Pressure"),
    Quantity("wind_speed", "m/s", 0, 120, "Tốc độ gió", "Wind speed"),
    Quantity("wind_direction", "deg", 0, 360, "Hướng gió", "Wind direction"),
    Quantity("rain", "mm", 0, 500, "Mưa", "Rain"),
    # Of a low-cost counter, by the model that its device names in the registry: means of hours, of days.
    Quantity("pm25_corrected", "ug/m3", 0, 5000, "Bụi mịn PM2,5 đã hiệu chỉnh", "PM2.5, corrected"),
    Quantity("pm25_corrected_day", "ug/m3", 0, 5000, "Bụi mịn PM2,5 đã hiệu chỉnh, trung bình ngày", "PM2.5, corrected, daily mean"),
    Quantity("speed_kmh", "km/h", 0, 300, "Tốc độ trung bình", "Mean speed"),
    Quantity("area_occupancy", "/", 0, 1, "Mức chiếm dụng mặt đường", "Area occupancy"),
    Quantity("flow_pcu_h", "PCU/h", 0, 60000, "Lưu lượng", "Flow"),
    # Of a loop or radar: vehicles of whatever size, and the share of time in which one is over it.
    Quantity("flow_veh_h", "veh/h", 0, 30000, "Số xe mỗi giờ", "Vehicles per hour"),
    Quantity("time_occupancy", "/", 0, 1, "Mức chiếm dụng theo thời gian", "Time occupancy"),
    # What our own services and hosts say of themselves, down the same path.
    Quantity("received_per_s", "1/s", 0, 1e9, "Số mục nhận mỗi giây", "Items received per second"),
    Quantity("errors_per_s", "1/s", 0, 1e9, "Số lỗi mỗi giây", "Errors per second"),
    Quantity("latency_ms", "ms", 0, 1e9, "Thời gian xử lý", "Time taken"),
    Quantity("canary_ms", "ms", 0, 1e9, "Từ lúc đo đến khi thấy được", "From reading to sight"),
    Quantity("lag_items", "1", 0, 1e15, "Số mục còn chờ xử lý", "Items still to be read"),
    Quantity("outbox_items", "1", 0, 1e15, "Số mục chờ gửi", "Items waiting to be sent"),
    Quantity("up_s", "s", 0, 1e12, "Thời gian chạy", "Time since start"),
    Quantity("cpu_ratio", "/", 0, 1, "Mức dùng bộ xử lý", "Processor in use"),
    Quantity("load_ratio", "/", 0, 1000, "Tải trên mỗi lõi", "Load per core"),
    Quantity("memory_mb", "MB", 0, 1e9, "Bộ nhớ đang dùng", "Memory in use"),
    Quantity("memory_ratio", "/", 0, 1, "Tỷ lệ bộ nhớ đang dùng", "Share of memory in use"),
    Quantity("disk_ratio", "/", 0, 1, "Tỷ lệ đĩa đang dùng", "Share of disk in use"),
)

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _TABLE}
_NOT_SENT = {"area_occupancy", "flow_pcu_h", "pm25_corrected", "pm25_corrected_day"}
ROAD_READINGS: frozenset[str] = frozenset({"speed_kmh", "flow_veh_h", "time_occupancy"})
"""What only a device of kind "loop" may say as a reading. A camera's speed comes out of its samples, with a direction."""
READINGS: frozenset[str] = frozenset(q.name for q in _TABLE if q.name not in _NOT_SENT)
"""What a reading may carry; the others come out of samples, or are worked out."""


def readings_of(kind: str) -> frozenset[str]:
    """What a device of that kind may say in readings."""
    return READINGS if kind == "loop" else READINGS - ROAD_READINGS
