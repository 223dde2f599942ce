"""The two detectors in plain Python over the models' own output: slow, obvious, and written independently of the core."""

from __future__ import annotations

from dataclasses import dataclass

from city_model.events import TrafficSample
from simulators.stage import air_model, road_model
from simulators.story import MINUTE_MS, Story

LATENESS_S = 120.0


@dataclass
class Found:
    """One alarm, in minutes after the live part begins."""

    rule: str
    subject: str
    opened_min: float
    cleared_min: float | None = None


def alarms(story: Story) -> list[Found]:
    """Every alarm of the story, from history to end, by rule and subject."""
    found: list[Found] = []
    for camera in story.camera:
        road = road_model(story, camera.device)
        for direction in road.directions:
            found += _congestion(
                story, f"{camera.device}/{direction}", road.samples(direction, story.begin_ms, story.end_ms, story.sample_s)
            )
    air = air_model(story)
    for station in air.stations:
        readings = air.readings(station, story.begin_ms, story.end_ms)
        pm25 = readings.names.index("pm25")
        minutes = {
            at // MINUTE_MS: value
            for at, value, name in zip(readings.at_ms.tolist(), readings.value.tolist(), readings.name_index.tolist(), strict=True)
            if name == pm25 and not _unheard(story, station, at)
        }
        found += _one_hour_mean(story, f"{station}/pm25", minutes)
    return found


def _congestion(story: Story, subject: str, samples: list[TrafficSample]) -> list[Found]:
    """Slower than 15 km/h on a road once fuller than 0.35 and not emptier than 0.25, for two minutes;
    until faster than 20 or emptier than 0.25 for three."""
    found: list[Found] = []
    is_open, since_ms = False, None
    for s in samples:
        if is_open:
            holds, needed_ms = s.speed_kmh is None or s.speed_kmh > 20 or s.area_occupancy < 0.25, 180_000
        else:
            full = s.area_occupancy > (0.35 if since_ms is None else 0.25)
            holds, needed_ms = s.speed_kmh is not None and s.speed_kmh < 15 and full, 120_000
        if not holds:
            since_ms = None
            continue
        since_ms = s.at_ms if since_ms is None else since_ms
        if s.at_ms - since_ms >= needed_ms:
            _turn(found, "congestion", subject, is_open, (s.at_ms - story.live_ms) / MINUTE_MS)
            is_open, since_ms = not is_open, None
    return found


def _one_hour_mean(story: Story, subject: str, minutes: dict[int, float]) -> list[Found]:
    """The mean of the last 60 minutes, of which 45 must be there, above 80; until below 70."""
    found: list[Found] = []
    is_open = False
    for minute in range(story.begin_ms // MINUTE_MS, story.end_ms // MINUTE_MS):
        window = [minutes[m] for m in range(minute - 59, minute + 1) if m in minutes]
        if len(window) < 45:
            continue
        mean = sum(window) / len(window)
        if (mean < 70) if is_open else (mean > 80):
            _turn(found, "pm25_1h", subject, is_open, (minute * MINUTE_MS - story.live_ms) / MINUTE_MS)
            is_open = not is_open
    return found


def _turn(found: list[Found], rule: str, subject: str, is_open: bool, now_min: float) -> None:
    if is_open:
        found[-1].cleared_min = now_min
    else:
        found.append(Found(rule, subject, now_min))


def _unheard(story: Story, device: str, at_ms: int) -> bool:
    """Silent, or so late that no live alarm may use it."""
    now_min = (at_ms - story.live_ms) / MINUTE_MS
    mine = [f for f in story.fault if f.device == device and f.from_min <= now_min < f.to_min]
    return any(f.kind == "silent" or (f.kind == "delay" and f.hold_s > LATENESS_S) for f in mine)
