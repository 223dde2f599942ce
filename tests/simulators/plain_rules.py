"""The two detectors in plain Python over the models' own output: slow, obvious, and written independently of the core."""

from __future__ import annotations

from dataclasses import dataclass

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
            found += _congestion(story, f"{camera.device}/{direction}", road.samples(direction, story.begin_ms, story.end_ms, story.sample_s))
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


def _congestion(story, subject, samples):  # type: ignore[no-untyped-def]  # plain on purpose: reads as the rule reads
    found, open_alarm, since = [], None, None
    for s in samples:
        speed, full = s.speed_kmh, s.area_occupancy
        if open_alarm is None:
            holds, needed_s = speed is not None and speed < 15 and full > 0.35, 120
        else:
            holds, needed_s = speed is None or speed > 20 or full < 0.25, 180
        if not holds:
            since = None
            continue
        since = since if since is not None else s.at_ms
        if s.at_ms - since < needed_s * 1000:
            continue
        now_min, since = (s.at_ms - story.live_ms) / MINUTE_MS, None
        if open_alarm is None:
            open_alarm = Found("congestion", subject, now_min)
            found.append(open_alarm)
        else:
            open_alarm.cleared_min, open_alarm = now_min, None
    return found


def _one_hour_mean(story, subject, minutes):  # type: ignore[no-untyped-def]  # plain on purpose
    found, open_alarm = [], None
    for minute in range(story.begin_ms // MINUTE_MS, story.end_ms // MINUTE_MS):
        window = [minutes[m] for m in range(minute - 59, minute + 1) if m in minutes]
        if len(window) < 45:
            continue
        mean, now_min = sum(window) / len(window), (minute * MINUTE_MS - story.live_ms) / MINUTE_MS
        if open_alarm is None and mean > 80:
            open_alarm = Found("pm25_1h", subject, now_min)
            found.append(open_alarm)
        elif open_alarm is not None and mean < 70:
            open_alarm.cleared_min, open_alarm = now_min, None
    return found


def _unheard(story: Story, device: str, at_ms: int) -> bool:
    """Silent, or so late that no live alarm may use it."""
    now_min = (at_ms - story.live_ms) / MINUTE_MS
    mine = [f for f in story.fault if f.device == device and f.from_min <= now_min < f.to_min]
    return any(f.kind == "silent" or (f.kind == "delay" and f.hold_s > LATENESS_S) for f in mine)
