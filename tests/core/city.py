"""A small registry and event builders for tests of the core."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from city_model.codec import packed, samples
from city_model.events import Command, Event, EventType, Gap, Readings, Tick, TrafficSample
from city_model.registry import Area, City, Device, Direction, Site

NOON_MS = 1_795_600_800_000  # 2026-11-25, a whole minute

CITY = City(
    "Thành phố thử", "Test city", area=(Area("corridor"), Area("airshed")),
    site=(Site("s1", "corridor", "Ngã tư", "Junction", 11.0, 106.6), Site("s2", "airshed", "Trạm", "Station", 11.1, 106.7)),
    device=(
        Device("cam-1", "s1", "camera", directions=(Direction("north"), Direction("south"))),
        Device("air-1", "s2", "air", quantities=("pm25",)),
        Device("air-2", "s2", "air", quantities=("pm25",)),
    ),
)  # fmt: skip


def readings_event(device: str, seq: int, times: Sequence[int], values: Sequence[float], boot: str = "b1", quantity: str = "pm25") -> Event:
    """A packed batch of one quantity."""
    columns = Readings((quantity,), np.zeros(len(times), np.uint16), np.array(times, np.int64), np.array(values, np.float64))
    data = packed.encode(columns)
    return Event(
        EventType.READINGS, CITY.site_of(device).id, device, boot, seq if boot else -1, len(times), max(times), packed.CONTENT_TYPE, data,
        area=CITY.area_of(device),
    )  # fmt: skip


def sample(at_ms: int, speed_kmh: float | None, occupancy: float, *, direction: str = "north", health: str = "ok") -> TrafficSample:
    """A five-second sample."""
    return TrafficSample(at_ms, 5.0, direction, 10, 1, 0, 2880.0, occupancy, 0.9, speed_kmh=speed_kmh, health=health)


def samples_event(seq: int, of: Sequence[TrafficSample], boot: str = "b1") -> Event:
    """A batch of samples of cam-1."""
    return Event(
        EventType.SAMPLES, "s1", "cam-1", boot, seq, len(of), of[-1].at_ms, samples.CONTENT_TYPE, samples.encode(of), area="corridor"
    )


def tick(at_ms: int) -> Event:
    return Event(EventType.TICK, "saola", "clock", "", -1, 1, at_ms, "application/json", msgspec.json.encode(Tick(at_ms)))


def gap_event(device: str, boot: str, first: int, last: int) -> Event:
    data = msgspec.json.encode(Gap(boot, first, last, last - first + 1, "evicted"))
    return Event(EventType.GAP, CITY.site_of(device).id, device, boot, first, 1, NOON_MS, "application/json", data)


def command_event(command: Command) -> Event:
    return Event(EventType.COMMAND, "saola", "console", "", -1, 1, command.at_ms, "application/json", msgspec.json.encode(command))
