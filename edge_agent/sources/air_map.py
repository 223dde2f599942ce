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

    station_column = "station"           # a table of several stations: which column names them …
    station = "Tiantan"                  # … and whose rows to take; left out: all (`saola replay` takes all, a source just one)

    start = "2012-03-01T00:00:00"        # a table without times: when its first row was measured …
    step_s = 300.0                       # … and how far apart rows are

    [each_column]                        # a table in which every column but the time is a station, named by the header;
    quantity = "speed_kmh"               # instead of [columns]
    unit = "mph"

    [columns."NO2 (ppb)"]
    quantity = "no2"
    unit = "ppb"                         # what the cells are in: ug/m3, mg/m3, ppb, ppm, Cel, degF, K, hPa, Pa, m/s, km/h, %RH ...

    [columns.Temp]
    quantity = "temperature"
    factor = 0.1                         # instead of a unit: value = cell x factor + offset
    offset = 0.0

Without a file: columns with well-known names (PM2.5, PM10, SO2, NO2, CO, O3, TEMP, RH, PRES, RAIN, WSPM, wd ...; case does not
matter), in their standard unit or in the one that stands in brackets behind the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from city_model.gases import UG_M3_PER_PPB
from city_model.quantities import QUANTITIES, READINGS
from city_model.settings import between, load

_NAMES = {
    "pm2.5": "pm25", "pm2_5": "pm25", "pm25": "pm25", "pm2.5-88101": "pm25", "pm10": "pm10",
    "so2": "so2", "no2": "no2", "co": "co", "o3": "o3", "ozone": "o3",
    "temp": "temperature", "temperature": "temperature", "t": "temperature", "rh": "humidity", "humidity": "humidity",
    "pres": "pressure", "pressure": "pressure", "rain": "rain",
    "wspm": "wind_speed", "ws": "wind_speed", "wind_speed": "wind_speed", "wd": "wind_direction", "wind_direction": "wind_direction",
}  # fmt: skip
TIME_NAMES = ("time", "datetime", "date_time", "timestamp", "date")
PART_NAMES = ("year", "month", "day", "hour", "minute")
_UNIT = re.compile(r"^(.*?)\s*[\(\[]([^)\]]*)[\)\]]$")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds: `value = cell * factor + offset` in the quantity's unit; or the `unit` of its cells, which says both."""

    quantity: str
    factor: float = 1.0
    offset: float = 0.0
    unit: str = ""

    def check(self) -> Iterable[tuple[str, str, str]]:
        if self.quantity not in READINGS:
            yield "quantity", repr(self.quantity), "one of " + ", ".join(sorted(READINGS))
        elif self.unit and (self.factor, self.offset) != (1.0, 0.0):
            yield "unit", f"{self.unit!r} beside factor or offset", "one or the other"
        elif self.unit and scale_of(self.quantity, self.unit) is None:
            yield "unit", repr(self.unit), f"a unit of {self.quantity}, such as {QUANTITIES[self.quantity].unit}; or a factor"
        if not self.factor:
            yield "factor", "0", "a number other than 0"

    @property
    def scale(self) -> tuple[float, float]:
        """(factor, offset) from cell to the quantity's unit."""
        return (scale_of(self.quantity, self.unit) if self.unit else None) or (self.factor, self.offset)


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
    station_column: str = ""
    station: str = ""
    each_column: Column | None = None
    start: str = ""
    step_s: float = between(0, 86_400, default=0.0)

    def check(self) -> Iterable[tuple[str, str, str]]:
        if self.decimal not in {".", ","}:
            yield "decimal", repr(self.decimal), "'.' or ','"
        if len(self.separator) > 1:
            yield "separator", repr(self.separator), "one character"
        if self.separator and self.separator == self.decimal:
            yield "separator", repr(self.separator), "another character than the decimal sign"
        if bool(self.name_column) != bool(self.value_column):
            yield "name_column", "alone", "name_column and value_column together"
        if self.station and not self.station_column and self.each_column is None:
            yield "station", repr(self.station), "a station_column or [each_column] beside it"
        if self.each_column is not None and (self.columns or self.name_column or self.station_column):
            yield "each_column", "beside columns, name_column or station_column", "alone"
        yield from self._check_steps()
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            yield "timezone", repr(self.timezone), "an IANA time zone such as Asia/Ho_Chi_Minh"

    def _check_steps(self) -> Iterable[tuple[str, str, str]]:
        """Times that are counted, not read."""
        if bool(self.start) != bool(self.step_s):
            yield "start", repr(self.start), "start and step_s together"
        if self.start and self.time:
            yield "start", "beside time columns", "one or the other"
        try:
            datetime.fromisoformat(self.start or "2000-01-01")
        except ValueError:
            yield "start", repr(self.start), "a time such as 2012-03-01T00:00:00"


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
    factor, offset = scale_of(quantity, unit) or (1.0, 0.0)
    return Column(quantity, factor, offset)


def scale_of(quantity: str, unit: str) -> tuple[float, float] | None:
    """(factor, offset) from `unit` to the quantity's own; None for a unit that says nothing of it. Gases at 25 °C and 1 atm."""
    plain = unit.strip().lower().replace("µ", "u").replace("μ", "u").replace("³", "3").replace(" ", "")
    if plain == QUANTITIES[quantity].unit.lower():
        return 1.0, 0.0
    if quantity in UG_M3_PER_PPB and plain in {"ppb", "ppm"}:
        return UG_M3_PER_PPB[quantity] * (1000 if plain == "ppm" else 1), 0.0
    if QUANTITIES[quantity].unit == "ug/m3" and plain in {"mg/m3", "ug/nm3", "mg/nm3"}:
        return (1000.0 if plain.startswith("mg") else 1.0), 0.0
    return _SCALES.get((quantity, plain))


_SCALES = {
    **{("temperature", unit): (1.0, 0.0) for unit in ("c", "°c", "degc")},
    **{("temperature", unit): (5 / 9, -32 * 5 / 9) for unit in ("f", "°f", "degf")},
    ("temperature", "k"): (1.0, -273.15), ("humidity", "%"): (1.0, 0.0), ("humidity", "/"): (100.0, 0.0),
    ("pressure", "pa"): (0.01, 0.0), ("pressure", "kpa"): (10.0, 0.0), ("pressure", "mbar"): (1.0, 0.0),
    ("wind_speed", "km/h"): (1 / 3.6, 0.0), ("wind_speed", "mph"): (0.44704, 0.0), ("wind_speed", "kn"): (1852 / 3600, 0.0),
    ("wind_direction", "°"): (1.0, 0.0),
    ("speed_kmh", "mph"): (1.609344, 0.0), ("speed_kmh", "m/s"): (3.6, 0.0), ("speed_kmh", "kmh"): (1.0, 0.0),
    ("time_occupancy", "%"): (0.01, 0.0), ("flow_veh_h", "1/h"): (1.0, 0.0),
}  # fmt: skip
