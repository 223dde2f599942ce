"""`saola replay`: any CSV of measurements through the very core that runs in the city, as fast as it goes; what comes out as JSON lines.

No server and no clock: the file's own times are the time. Rows go in by five minutes of event time, with a tick behind each, and through a
pause an hour at a time, so that silence and the ends of windows are seen as they would be live. One line is one of

    {"kind": "observation", "station": …, "quantity": …, "time": …, "at_ms": …, "value": …}
    {"kind": "index", "index": "vn_aqi" or "vn_aqi_day", "value": …, "dominant": …, "category": …, "sub": {…}, "method": …, …}
    {"kind": "alarm", "transition": "opened", "worsened", "cleared" …, "rule": …, "subject": …, "why": …, "alarm": {…}, …}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import click
import msgspec
import numpy as np

from city_model.codec import packed
from city_model.events import Event, EventType, Readings, Tick
from city_model.quantities import ROAD_READINGS
from city_model.registry import Area, City, Device, Site
from edge_agent.sources.air_map import AirMap, load_map
from edge_agent.sources.air_table import BadCells, read_stations
from simulators.replay_lines import KINDS, Lines
from stream_processor.core.settings import CoreSettings, load_core_settings
from stream_processor.core.step import Core

_STEP_MS = 300_000
_PAUSE_MS = 3_600_000
_MOST_ROWS = 5_000
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Recording:
    """Stations of a file: their readings in order of time, by device id; and what could not be read."""

    readings: dict[str, Readings]
    names: dict[str, str]
    bad: tuple[BadCells, ...]


@click.command()
@click.argument("file", type=_FILE)
@click.option("--map", "map_file", type=_FILE, help="MAP.toml of the CSV; without it columns go by their names.")
@click.option("--zone", default="UTC", show_default=True, help="Time zone of the file's times, where no map says it.")
@click.option("--core", "core_file", type=_FILE, help="core.toml; without it all defaults.")
@click.option("--correct", "model", default="", help="Model and version that corrects PM2.5 of every station, such as kappa_koehler/1.")
@click.option("--only", "kinds", type=click.Choice(KINDS), multiple=True, help="Print only lines of this kind; may be repeated.")
def replay(file: Path, map_file: Path | None, zone: str, core_file: Path | None, model: str, kinds: tuple[str, ...]) -> None:
    """Run a CSV of measurements through the core and print observations, indices and alarms as JSON lines."""
    air_map = load_map(map_file, zone)
    recording = read(file, air_map)
    settings = load_core_settings(core_file)
    if core_file is None:
        settings = in_zone(settings, recording, ZoneInfo(air_map.timezone))
    for bad in recording.bad:
        if bad.counts:
            click.echo(f"{file}: left out: {bad}", err=True)
    lines = Lines(recording.names, ZoneInfo(air_map.timezone), settings, frozenset(kinds or KINDS), model)
    for line in run(recording, settings, lines, model):
        print(json.dumps(line, ensure_ascii=False))


def read(file: Path, air_map: AirMap) -> Recording:
    """Every station of the file. Raises ConfigError or Unavailable."""
    tables = read_stations(file, air_map)
    ids = {name: f"{_kind(table.readings)}-{k + 1}" for k, (name, table) in enumerate(tables.items())}
    stem = file.name.split(".")[0]
    return Recording(
        {ids[name]: table.readings for name, table in tables.items()},
        {ids[name]: name or air_map.station or stem for name in tables},
        tuple(table.bad for table in tables.values()),
    )


def in_zone(settings: CoreSettings, recording: Recording, zone: ZoneInfo) -> CoreSettings:
    """The settings with the file's own offset from UTC wherever days are those of a place."""
    first_ms = min((int(r.at_ms[0]) for r in recording.readings.values() if len(r)), default=0)
    offset = datetime.fromtimestamp(first_ms / 1000, UTC).astimezone(zone).utcoffset() or timedelta()
    hours = offset.total_seconds() / 3600

    def placed(parts: dict[str, Any]) -> dict[str, Any]:
        return {name: replace(part, utc_offset_h=hours) if hasattr(part, "utc_offset_h") else part for name, part in parts.items()}

    return replace(settings, detectors=placed(settings.detectors), derivations=placed(settings.derivations))


def run(recording: Recording, settings: CoreSettings, lines: Lines, model: str = "") -> Iterator[dict[str, Any]]:
    """What the core says of the recording, in order."""
    core = Core(_city(recording, model), settings, 0)
    places = dict.fromkeys(recording.readings, 0)
    tick_ms: int | None = None
    for stop_ms in _steps(recording):
        while tick_ms is not None and tick_ms < stop_ms - _STEP_MS:
            tick_ms = min(tick_ms + _PAUSE_MS, stop_ms - _STEP_MS)
            yield from lines.of(core.step([_tick(tick_ms)]))
        events: list[Event] = []
        for device, readings in recording.readings.items():
            end = int(np.searchsorted(readings.at_ms, stop_ms, side="left"))
            events += _events(device, readings, places[device], end)
            places[device] = end
        yield from lines.of(core.step([*events, _tick(stop_ms)]))
        tick_ms = stop_ms
    if tick_ms is not None:
        for _ in range(2):  # the last hour is over, and what waits for lateness too
            tick_ms += _PAUSE_MS
            yield from lines.of(core.step([_tick(tick_ms)]))


def _steps(recording: Recording) -> list[int]:
    """Ends of the five-minute spans that hold readings."""
    ends: set[int] = set()
    for readings in recording.readings.values():
        ends.update(((np.unique(readings.at_ms // _STEP_MS) + 1) * _STEP_MS).tolist())
    return sorted(ends)


def _events(device: str, readings: Readings, start: int, end: int) -> Sequence[Event]:
    return [_event(device, readings, a, min(a + _MOST_ROWS, end)) for a in range(start, end, _MOST_ROWS)]


def _event(device: str, readings: Readings, start: int, end: int) -> Event:
    part = slice(start, end)
    used, index = np.unique(readings.name_index[part], return_inverse=True)
    columns = Readings(tuple(readings.names[k] for k in used.tolist()), index.astype(np.uint16), readings.at_ms[part], readings.value[part])
    newest_ms = int(columns.at_ms[-1])
    return Event(
        EventType.READINGS,
        device,
        device,
        "replay",
        start,
        len(columns),
        newest_ms,
        packed.CONTENT_TYPE,
        packed.encode(columns),
        area="air",
    )


def _tick(at_ms: int) -> Event:
    return Event(EventType.TICK, "saola", "replay", "", -1, 1, at_ms, "application/json", msgspec.json.encode(Tick(at_ms)))


def _city(recording: Recording, model: str = "") -> City:
    """One area, a site for each station. A CSV says nothing of places."""
    devices = tuple(
        Device(
            device, device, _kind(readings), quantities=tuple(sorted(readings.names)), correction=model if _kind(readings) == "air" else ""
        )
        for device, readings in recording.readings.items()
    )
    sites = tuple(Site(device, "air", name, name, 0.0, 0.0) for device, name in recording.names.items())
    return City("Phát lại", "Replay", area=(Area("air"),), site=sites, device=devices)


def _kind(readings: Readings) -> Literal["air", "loop"]:
    return "loop" if ROAD_READINGS & set(readings.names) else "air"
