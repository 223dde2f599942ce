"""How the columns of a CSV become readings: an optional MAP.toml, and what is taken for granted without one.

    time = ["Date", "Time"]              # columns, joined by a space; or year, month, day, hour (and minute) columns
    time_format = "%d/%m/%Y %H.%M.%S"    # strptime's; or "iso", "unix_s", "unix_ms"
    timezone = "Asia/Shanghai"           # of times without an offset
    separator = ","
    decimal = "."
    skip_lines = 0                       # in front of the header; left out: the header is found by its names
    missing = ["", "NA", "-200"]         # cells that hold no measurement
    name_column = "Param"                # a table with one measurement a row: what was measured …
    value_column = "Value"               # … and how much; [columns] then speaks of what stands in name_column

    [columns."NO2 (ppb)"]
    quantity = "no2"
    factor = 1.88                        # value = cell x factor + offset
    offset = 0.0

Without a file: columns with well-known names (PM2.5, PM10, SO2, NO2, CO, O3, TEMP, RH, PRES, RAIN, WSPM, wd ...; case does not
matter), in their standard unit or in the one that stands in brackets behind the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from city_model.quantities import READINGS
from city_model.settings import load

_NAMES = {
    "pm2.5": "pm25", "pm2_5": "pm25", "pm25": "pm25", "pm2.5-88101": "pm25", "pm10": "pm10",
    "so2": "so2", "no2": "no2", "co": "co", "o3": "o3", "ozone": "o3",
    "temp": "temperature", "temperature": "temperature", "t": "temperature", "rh": "humidity", "humidity": "humidity",
    "pres": "pressure", "pressure": "pressure", "rain": "rain",
    "wspm": "wind_speed", "ws": "wind_speed", "wind_speed": "wind_speed", "wd": "wind_direction", "wind_direction": "wind_direction",
}  # fmt: skip
# µg/m³ per ppb at 25 °C and 1013 hPa: molar mass / 24.45
_PPB = {"so2": 64.06 / 24.45, "no2": 46.01 / 24.45, "co": 28.01 / 24.45, "o3": 48.0 / 24.45}
TIME_NAMES = ("time", "datetime", "date_time", "timestamp", "date")
PART_NAMES = ("year", "month", "day", "hour", "minute")
_UNIT = re.compile(r"^(.*?)\s*[\(\[]([^)\]]*)[\)\]]$")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds: `value = cell * factor + offset` in the quantity's unit."""

    quantity: str
    factor: float = 1.0
    offset: float = 0.0

    def check(self) -> Iterable[tuple[str, str, str]]:
        if self.quantity not in READINGS:
            yield "quantity", repr(self.quantity), "one of " + ", ".join(sorted(READINGS))
        if not self.factor:
            yield "factor", "0", "a number other than 0"


@dataclass(frozen=True, slots=True)
class AirMap:
    """See the module. Empty `columns` and `time`: by well-known names."""

    columns: dict[str, Column] = field(default_factory=dict)
    time: tuple[str, ...] = ()
    time_format: str = ""
    timezone: str = "UTC"
    separator: str = ""
    decimal: str = "."
    skip_lines: int | None = None
    missing: tuple[str, ...] = ("", "NA", "N/A", "NaN", "nan", "null", "-")
    name_column: str = ""
    value_column: str = ""

    def check(self) -> Iterable[tuple[str, str, str]]:
        if self.decimal not in {".", ","}:
            yield "decimal", repr(self.decimal), "'.' or ','"
        if len(self.separator) > 1:
            yield "separator", repr(self.separator), "one character"
        if self.separator and self.separator == self.decimal:
            yield "separator", repr(self.separator), "another character than the decimal sign"
        if bool(self.name_column) != bool(self.value_column):
            yield "name_column", "alone", "name_column and value_column together"
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            yield "timezone", repr(self.timezone), "an IANA time zone such as Asia/Ho_Chi_Minh"


def load_map(path: Path | None, timezone: str = "UTC") -> AirMap:
    """The map in `path`; None: well-known names, times of `timezone`. Raises ConfigError with all problems."""
    return AirMap(timezone=timezone) if path is None else load(AirMap, path)


def column_for(name: str) -> Column | None:
    """What a column of this name holds, by convention; None when it says nothing to us."""
    match = _UNIT.match(name.strip())
    base, unit = (match[1], match[2]) if match else (name, "")
    quantity = _NAMES.get(base.strip().lower().replace(" ", "_"))
    if quantity is None:
        return None
    unit = unit.strip().lower().replace("µ", "u").replace("μ", "u").replace("³", "3")
    if quantity in _PPB and unit in {"ppb", "ppm"}:
        return Column(quantity, _PPB[quantity] * (1000 if unit == "ppm" else 1))
    if unit == "mg/m3":
        return Column(quantity, 1000.0)
    if quantity == "temperature" and unit in {"°f", "f", "degf"}:
        return Column(quantity, 5 / 9, -32 * 5 / 9)
    return Column(quantity)
