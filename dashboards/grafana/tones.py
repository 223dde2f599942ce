"""Tones as colours in Grafana. Grey is the resting state; a saturated colour means "look here"; VN_AQI has its official colours."""

from __future__ import annotations

from dashboards.boards.panel import Tone

COLOURS: dict[Tone, str] = {
    "ok": "#8e9aa6", "low": "#3d7be0", "medium": "#e08a1e", "high": "#d02440", "unknown": "#5a6773",
    "aqi1": "#00e400", "aqi2": "#ffff00", "aqi3": "#ff7e00", "aqi4": "#ff0000", "aqi5": "#8f3f97", "aqi6": "#7e0023",
}  # fmt: skip

UNITS = {
    "1": "none", "/": "percentunit", "km/h": "velocitykmh", "PCU/h": "suffix: PCU/h", "ug/m3": "conμgm3", "%RH": "humidity",
    "Cel": "celsius", "ms": "ms", "s": "s", "1/s": "suffix:/s", "MB": "decmbytes",
}  # fmt: skip
"""Units of `city_model.quantities` as Grafana calls them."""
