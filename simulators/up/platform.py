"""The platform as devices of the registry: its services, the machine and the canary send readings as every station does.

The city's own registry stays as it is; what runs reads a copy with one more area, `platform`, written again whenever the original changes.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

from city_model.registry import Area, City, Device, Site, load_city

PLATFORM, CANARY, HOST = "platform", "canary", "host"
SERVICE_QUANTITIES = ("received_per_s", "errors_per_s", "latency_ms", "lag_items", "outbox_items", "cpu_ratio", "memory_mb", "up_s")
HOST_QUANTITIES = ("cpu_ratio", "load_ratio", "memory_ratio", "disk_ratio")
CANARY_QUANTITIES = ("up_s", "canary_ms")


def with_platform(city: City, services: tuple[str, ...]) -> City:
    """`city` with the area, the site and the devices of the platform; what it names itself already stays as it says."""
    middle = [sum(place) / len(city.site) for place in zip(*((s.latitude, s.longitude) for s in city.site), strict=True)] or [0.0, 0.0]
    site = Site(PLATFORM, PLATFORM, "Nền tảng", "Platform", round(middle[0], 5), round(middle[1], 5))
    wanted = [Device(PLATFORM, PLATFORM, "agent")]
    wanted += [Device(CANARY, PLATFORM, "agent", PLATFORM, CANARY_QUANTITIES), Device(HOST, PLATFORM, "agent", PLATFORM, HOST_QUANTITIES)]
    wanted += [Device(name, PLATFORM, "agent", PLATFORM, SERVICE_QUANTITIES) for name in services]
    return replace(
        city,
        area=(*city.area, *([] if PLATFORM in city.areas else [Area(PLATFORM, "Nền tảng", "Platform")])),
        site=(*city.site, *([] if PLATFORM in city.sites else [site])),
        device=(*city.device, *(device for device in wanted if device.id not in city.devices)),
    )


def write_registry(original: Path, copy: Path, services: tuple[str, ...]) -> City:
    """Read and check the original, write the copy whole, and give it as it was read back. Raises ConfigError."""
    city = with_platform(load_city(original), services)
    part = copy.with_name(f".{copy.name}.part")
    part.write_text(f"# Written by `saola up` from {original}; change that one.\n" + to_toml(city), encoding="utf-8")
    loaded = load_city(part)
    part.replace(copy)
    return replace(loaded, path=copy)


def to_toml(city: City) -> str:
    """Every field of the registry that has a value, as city.toml."""
    lines = [f"{name} = {_value(getattr(city, name))}" for name in ("name_vi", "name_en", "timezone")]
    for kind in ("area", "site", "device"):
        for row in getattr(city, kind):
            lines += [f"\n[[{kind}]]"]
            lines += [f"{one.name} = {_value(value)}" for one in fields(row) if (value := getattr(row, one.name)) not in ("", ())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str | int | float):
        return json.dumps(value, ensure_ascii=False)  # of these, JSON's form is a TOML value too
    rows = ((one.name, getattr(value, one.name)) for one in fields(value))  # type: ignore[arg-type]  # a direction, a row of its own
    return "{ " + ", ".join(f"{name} = {_value(inner)}" for name, inner in rows) + " }"
