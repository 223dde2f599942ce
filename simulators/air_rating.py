"""`saola air`: indices, limits and advice by hand: of values that are typed in, or of every hour of a CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import click
import numpy as np
from numpy.typing import NDArray

from city_model.faults import ConfigError, Problem
from city_model.gases import ppb_from_ug_m3
from city_model.quantities import QUANTITIES
from edge_agent.sources.air_map import AirMap, load_map, scale_of
from edge_agent.sources.air_table import read_table
from stream_processor.core.air import advice as advice_texts
from stream_processor.core.air import cpcb, european, limits, us_aqi, vn_aqi
from stream_processor.core.air.hours import RING_HOURS, HourlySums
from stream_processor.core.air.nowcast import Reading
from stream_processor.core.air.rating import Rating
from stream_processor.core.air.staircase import NO_DATA, Ints
from stream_processor.core.air.standards import Category

Standard = Literal["vn", "us", "eu", "in"]
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_HOUR_MS = 3_600_000
_LEVEL: dict[Standard, Callable[[float], Category]] = {"vn": vn_aqi.level, "us": us_aqi.level, "eu": european.level, "in": cpcb.level}


@click.group()
def air() -> None:
    """Air quality indices, limits and advice."""


@air.command()
@click.argument("values", nargs=-1, metavar="[QUANTITY=VALUE[UNIT]]...")
@click.option(
    "--standard",
    type=click.Choice(get_args(Standard)),
    default="vn",
    show_default=True,
    help="vn: VN_AQI; us: EPA 2024; eu: 2024; in: CPCB.",
)
@click.option("--file", type=_FILE, help="A CSV: the index of every hour.")
@click.option("--map", "map_file", type=_FILE, help="MAP.toml of the CSV.")
@click.option("--zone", default="UTC", show_default=True, help="Time zone of the file's times, where no map says it.")
@click.option("--nowcast", type=click.Choice(get_args(Reading)), default="normalised", show_default=True, help="Of VN_AQI, for w = 1/2.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; of a file, one line for each hour.")
def index(
    values: tuple[str, ...], standard: Standard, file: Path | None, map_file: Path | None, zone: str, nowcast: Reading, as_json: bool
) -> None:
    """The index of concentrations (ug/m3 unless a unit follows: no2=61ppb), or of every hour of a file.

    Typed values are taken for means over the period each pollutant has in the standard.
    """
    if file is not None:
        for line in of_file(file, load_map(map_file, zone), standard, nowcast):
            print(json.dumps(line, ensure_ascii=False) if as_json else _told(line))
        return
    if not values:
        raise ConfigError([Problem("saola air index", "QUANTITY=VALUE", "nothing", "such as pm25=55.7 no2=61ppb, or --file")])
    line = of_values(dict(map(_parsed, values)), standard)
    if standard == "vn" and line["value"] is not None:
        text = advice_texts.advice(line["value"])
        line["advice"] = {
            "vi": text.general_vi,
            "en": text.general_en,
            "sensitive_vi": text.sensitive_vi,
            "sensitive_en": text.sensitive_en,
        }
    print(json.dumps(line, ensure_ascii=False, indent=2) if as_json else _told(line))


@air.command(name="limits")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day; without it today's.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def limits_command(day: datetime | None, as_json: bool) -> None:
    """The limits in force on a day: QCVN 05:2023 and, for comparison, WHO 2021."""
    when = day.date() if day is not None else datetime.now(UTC).date()
    rows = list(_limits(when))
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        print(f"{row['regulation']:22} {row['quantity']:5} {row['average']:6} {row['limit']:8g} ug/m3")


def _limits(day: date) -> Iterator[dict[str, Any]]:
    for name in limits.REGULATIONS:
        regulation = limits.regulation(name)
        for limit in regulation.limit:
            value = limit.at(day)
            if value is not None:
                yield {"regulation": regulation.name, "quantity": limit.quantity, "average": limit.average, "limit": value}


def _parsed(text: str) -> tuple[str, float]:
    """`no2=61ppb` → ("no2", ug/m3). Raises ConfigError."""
    name, _, rest = text.partition("=")
    number = rest.rstrip("abcdefghijklmnopqrstuvwxyz/3µ³ ")
    unit = rest[len(number) :].strip()
    try:
        value = float(number)
        factor, offset = scale_of(name, unit) if unit else (1.0, 0.0)  # type: ignore[misc]  # None raises TypeError, caught below
    except (ValueError, KeyError, TypeError):
        raise ConfigError([Problem("saola air index", text, "cannot be read", "such as pm25=55.7 or no2=61ppb")]) from None
    return name, value * factor + offset


def of_values(values: Mapping[str, float], standard: Standard) -> dict[str, Any]:
    """Index, dominant pollutant, category and every pollutant's own index of one set of concentrations, ug/m3."""
    rated = {
        "vn": set(vn_aqi.POLLUTANTS) | {"o3_1h", "o3_8h"},
        "us": {"pm25", "pm10", "o3", "co", "so2", "no2"},
        "eu": set(european.POLLUTANTS),
    }
    known = rated.get(standard, set(cpcb.POLLUTANTS))
    if unknown := sorted(set(values) - known):
        raise ConfigError([Problem("saola air index", ", ".join(unknown), f"not rated by {standard}", ", ".join(sorted(known)))])
    if standard == "vn":
        return _line("vn", _vn(values), 0)
    if standard == "us":
        return _line("us", us_aqi.combined(_us_units(values)), 0)
    if standard == "eu":
        return _line("eu", european.hourly({name: [value] for name, value in values.items()}), 0)
    return _line("in", cpcb.combined({name: [value / 1000 if name == "co" else value] for name, value in values.items()}), 0)


def _vn(values: Mapping[str, float]) -> Rating:
    """Concentrations are taken as they are: a mean over the pollutant's period is what was typed."""
    rows: dict[str, Ints] = {}
    for name, value in values.items():
        rows[name] = np.atleast_1d(vn_aqi.rounded_sub_index("o3_1h" if name == "o3" else name, [value]))
    if not {"pm25", "pm10"} & set(rows):
        raise ConfigError([Problem("saola air index", ", ".join(rows), "neither pm25 nor pm10", "one of them: VN_AQI needs it")])
    return vn_aqi.combined(rows)


def _us_units(values: Mapping[str, float]) -> dict[str, list[float]]:
    """EPA's names and units."""
    named = {"pm25": "pm25_24h", "pm10": "pm10_24h", "o3": "o3_8h", "co": "co_8h", "so2": "so2_1h", "no2": "no2_1h"}
    out = {}
    for name, value in values.items():
        if name in ("o3", "co"):
            value = round(ppb_from_ug_m3(name, value) / 1000, 9)
        elif name in ("so2", "no2"):
            value = round(ppb_from_ug_m3(name, value), 6)
        out[named[name]] = [value]
    return out


def of_file(file: Path, air_map: AirMap, standard: Standard, nowcast: Reading) -> Iterator[dict[str, Any]]:
    """The index of every hour of a CSV of one station, oldest first. Raises ConfigError or Unavailable."""
    start_hour, means = hourly_means(file, air_map)
    if standard == "vn":
        rating = vn_aqi.hourly(means, nowcast)
    elif standard == "us":
        rating = us_aqi.hourly(means)
    elif standard == "eu":
        rating = european.hourly(means)
    else:
        raise ConfigError([Problem("saola air index", "--standard", "in", "vn, us or eu for hours: India's index is of days")])
    zone = ZoneInfo(air_map.timezone)
    for k in range(len(rating.value)):
        at_ms = (start_hour + k) * _HOUR_MS
        yield {"time": datetime.fromtimestamp(at_ms / 1000, zone).isoformat(), "at_ms": at_ms, **_line(standard, rating, k)}


def hourly_means(file: Path, air_map: AirMap) -> tuple[int, dict[str, NDArray[np.float64]]]:
    """(hour since 1970 of the first column, hourly means by quantity with NaN for what is missing)."""
    readings = read_table(file, air_map).readings
    kept = [name for name in readings.names if QUANTITIES[name].unit == "ug/m3"]
    if not kept:
        raise ConfigError([Problem(str(file), "columns", "no pollutant", "at least one of pm25, pm10, o3, no2, so2, co")])
    planes = np.array([kept.index(name) if name in kept else -1 for name in readings.names])[readings.name_index]
    hours = readings.at_ms // _HOUR_MS
    first, last = int(hours[planes >= 0].min()), int(hours[planes >= 0].max())
    means = {name: np.full(last - first + 1, np.nan) for name in kept}
    for start in range(first, last + 1, RING_HOURS - 12):
        sums = HourlySums(kept)
        mine = (planes >= 0) & (hours >= start - 11) & (hours < start + RING_HOURS - 12)
        if not mine.any():
            continue
        rows = np.broadcast_to(sums.rows(["station"]), (int(mine.sum()),))
        sums.add(rows, planes[mine], readings.at_ms[mine], readings.value[mine], is_late=False)
        for hour in range(start, min(start + RING_HOURS - 12, last + 1)):
            found, _ = sums.means(np.zeros(1, np.int64), np.array([hour]), 12)
            for k, name in enumerate(kept):
                means[name][hour - first] = found[k, 0, -1]
    return first, means


def _line(standard: Standard, rating: Rating, k: int) -> dict[str, Any]:
    value = int(rating.value[k])
    level = None if value == NO_DATA else _LEVEL[standard](value)
    return {
        "standard": standard, "method": rating.method, "value": None if value == NO_DATA else value,
        "category": None if level is None else {"vi": level.vi, "en": level.en, "colour": level.colour},
        "dominant": rating.pollutants[rating.dominant[k]] if rating.dominant[k] >= 0 else None,
        "sub": {name: int(rating.sub[i, k]) for i, name in enumerate(rating.pollutants) if rating.sub[i, k] != NO_DATA},
    }  # fmt: skip


def _told(line: Mapping[str, Any]) -> str:
    if line["value"] is None:
        text = f"no data  ({line['method']})"
    else:
        text = f"{line['value']:4}  {line['category']['vi']} / {line['category']['en']}  {line['dominant']}  ({line['method']})"
    text = f"{line['time']}  {text}" if "time" in line else text
    return "\n".join([text, *(f"  {who}: {words}" for who, words in line.get("advice", {}).items())])
