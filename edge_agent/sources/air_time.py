"""When a row of a CSV was measured: which columns say so, and in what form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from city_model.faults import ConfigError, Problem
from edge_agent.sources.air_map import PART_NAMES, TIME_NAMES, AirMap

TimeReader = Callable[[list[str]], int]
"""Cells of a row → ms since 1970. Raises ValueError, IndexError or OverflowError for what is no time."""

_LOOK_ROWS = 1000  # spread over the file, to find out how times are written
_DATES = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d")
_FORMATS = tuple(date + clock for date in _DATES for clock in (" %H:%M", " %H:%M:%S", " %H.%M.%S", ""))


def time_columns(air_map: AirMap, header: list[str]) -> list[int]:
    """Places of the columns that hold the time; empty when the header has none."""
    lower = [name.lower() for name in header]
    if air_map.time:
        return [header.index(name) for name in air_map.time] if all(name in header for name in air_map.time) else []
    if "date" in lower and "time" in lower:
        return [lower.index("date"), lower.index("time")]
    if all(part in lower for part in PART_NAMES[:4]):
        return [lower.index(part) for part in PART_NAMES if part in lower]
    return next(([lower.index(name)] for name in TIME_NAMES if name in lower), [])


def time_reader(file: str, air_map: AirMap, header: list[str], rows: list[list[str]]) -> TimeReader:
    """How to read the time of a row. Raises ConfigError when that cannot be told."""
    places, zone = time_columns(air_map, header), ZoneInfo(air_map.timezone)
    if len(places) >= 4:
        return lambda cells: _ms(datetime(*(int(float(cells[i])) for i in places), tzinfo=zone))  # type: ignore[arg-type,misc]  # 4 or 5 numbers
    look = rows[:: max(1, len(rows) // _LOOK_ROWS)]
    form = air_map.time_format or _find_form(file, [_joined(cells, places) for cells in look if len(cells) > max(places)])
    if form == "iso":
        return lambda cells: _ms(_zoned(datetime.fromisoformat(_joined(cells, places)), zone))
    if form in {"unix_s", "unix_ms"}:
        factor = 1000 if form == "unix_s" else 1
        return lambda cells: round(float(_joined(cells, places)) * factor)
    return lambda cells: _ms(_zoned(datetime.strptime(_joined(cells, places), form), zone))  # noqa: DTZ007 - the zone comes right after


def _find_form(file: str, texts: list[str]) -> str:
    """The form that most of `texts` have. Day and month are told apart by a day above 12; without one, that is for a person to say."""
    texts = [text for text in texts if text]
    fits = {form: count for form in ("iso", "unix_s", "unix_ms", *_FORMATS) if (count := _fitting(form, texts))}
    best = max(fits.values(), default=0)
    forms = [form for form, count in fits.items() if count == best]
    if best < len(texts) / 2 or not texts:
        found, expected = f"{texts[0][:40]!r}" if texts else "no time", "time_format in the map"
        raise ConfigError([Problem(file, "time_format", found, expected)])
    if len(forms) > 1:
        raise ConfigError([Problem(file, "time_format", f"{texts[0][:40]!r} may be {' or '.join(forms)}", "time_format in the map")])
    return forms[0]


def _fitting(form: str, texts: Iterable[str]) -> int:
    return sum(_fits(form, text) for text in texts)


def _fits(form: str, text: str) -> bool:
    try:
        if form == "iso":
            return datetime.fromisoformat(text) is not None and not text.isdigit()
        if form in {"unix_s", "unix_ms"}:
            return (float(text) > 1e11) == (form == "unix_ms") and float(text) > 1e8
        return datetime.strptime(text, form) is not None  # noqa: DTZ007 - only whether it fits
    except (ValueError, OverflowError):
        return False


def _joined(cells: list[str], places: list[int]) -> str:
    return " ".join(cells[i].strip() for i in places)


def _zoned(at: datetime, zone: tzinfo) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
