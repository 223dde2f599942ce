"""A load: many simulated air stations and exactly so many readings, for proofs of delivery and for benchmarks.

city = load_city_of(50)
for device in air_devices(city):
    for batch in load_batches(city, device, readings=2000):
        ...                       # 50 x 2000 = 100,000 readings, each of its own (device, quantity, minute)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import numpy as np

from city_model.events import Readings
from city_model.registry import Area, City, Device, Site
from simulators.air import MINUTE_MS, AirModel, Station

QUANTITIES = ("pm25", "pm10", "no2", "o3", "co", "so2", "temperature", "humidity")
DEVICES_PER_AGENT = 10
LOAD_START_MS = 1_773_100_800_000
"""2026-03-10T00:00:00Z: a fixed moment, so that a load is the same on every day."""


def load_city_of(devices: int, areas: int = 8) -> City:
    """A registry of `devices` air stations on a grid, in `areas` airsheds, carried by an agent for every ten."""
    side = math.ceil(math.sqrt(devices))
    sites = [
        Site(
            f"site-{i:04d}",
            f"airshed-{i % areas}",
            f"Điểm đo {i}",
            f"Site {i}",
            10.9 + 0.2 * (i // side) / side,
            106.6 + 0.2 * (i % side) / side,
        )
        for i in range(devices)
    ]
    agents = [Device(f"agent-{k:03d}", f"site-{k * DEVICES_PER_AGENT:04d}", "agent") for k in range(math.ceil(devices / DEVICES_PER_AGENT))]
    stations = [Device(f"air-{i:04d}", f"site-{i:04d}", "air", f"agent-{i // DEVICES_PER_AGENT:03d}", QUANTITIES) for i in range(devices)]
    names = [Area(f"airshed-{a}", f"Vùng không khí {a}", f"Airshed {a}") for a in range(areas)]
    return City("Thành phố thử tải", "Load test city", area=tuple(names), site=tuple(sites), device=(*agents, *stations))


def air_devices(city: City) -> tuple[str, ...]:
    """The stations of a city, by id."""
    return tuple(device.id for device in city.device if device.kind == "air")


def load_batches(
    city: City, device: str, readings: int, batch: int = 64, start_ms: int = LOAD_START_MS, seed: int = 1, step_ms: int = MINUTE_MS
) -> Iterator[Readings]:
    """Exactly `readings` readings of `device` in batches of at most `batch`, every `step_ms` from `start_ms`, in order of time."""
    site, quantities = city.site_of(device), city.devices[device].quantities
    air = AirModel(seed, [Station(device, site.latitude, site.longitude, quantities)])
    rounds = math.ceil(readings / len(quantities))
    whole = air.readings(device, start_ms, start_ms + rounds * MINUTE_MS)
    at_ms = start_ms + np.repeat(np.arange(rounds, dtype=np.int64) * step_ms, len(quantities))
    for begin in range(0, readings, batch):
        part = slice(begin, min(begin + batch, readings))
        yield Readings(whole.names, whole.name_index[part], at_ms[part], whole.value[part])


def city_toml(city: City) -> str:
    """The registry as `city.toml`, for processes that read it from a file."""
    lines = [f"name_vi = {_text(city.name_vi)}", f"name_en = {_text(city.name_en)}"]
    for area in city.area:
        lines += ["[[area]]", f"id = {_text(area.id)}", f"vi = {_text(area.vi)}", f"en = {_text(area.en)}"]
    for site in city.site:
        lines += ["[[site]]", f"id = {_text(site.id)}", f"area = {_text(site.area)}", f"vi = {_text(site.vi)}", f"en = {_text(site.en)}"]
        lines += [f"latitude = {site.latitude}", f"longitude = {site.longitude}"]
    for device in city.device:
        lines += ["[[device]]", f"id = {_text(device.id)}", f"site = {_text(device.site)}", f"kind = {_text(device.kind)}"]
        lines += [f"agent = {_text(device.agent)}", f"quantities = {json.dumps(list(device.quantities))}"]
        for way in device.directions:
            lines += ["[[device.directions]]", f"id = {_text(way.id)}", f"vi = {_text(way.vi)}", f"en = {_text(way.en)}"]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML basic string
