"""What is chosen on a board: devices out of the registry by area, site or device, and what the registry expects of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from city_model.registry import City, Device
from dashboards.boards.question import Of


def chosen(city: City, areas: Collection[str] = (), sites: Collection[str] = (), devices: Collection[str] = ()) -> tuple[str, ...]:
    """Ids of the devices that pass every choice that is not empty; agents carry no series of their own."""
    return tuple(
        d.id
        for d in city.device
        if d.kind != "agent"
        and (not areas or city.area_of(d.id) in areas)
        and (not sites or d.site in sites)
        and (not devices or d.id in devices)
    )


def expected_devices(city: City, of: Of) -> Iterator[Device]:
    """Devices that should have these series."""
    return (device for device in city.device if _should(device, of))


def expected(city: City, of: Of) -> Iterator[tuple[str, str]]:
    """(device, direction) of each series there should be of a single quantity; no direction for stations."""
    for device in expected_devices(city, of):
        if device.kind == "camera":
            yield from ((device.id, direction.id) for direction in device.directions)
        else:
            yield device.id, ""


def _should(device: Device, of: Of) -> bool:
    """A station measures what it says it does; without a word on it, anything."""
    if device.kind == "agent" or (of.kind and device.kind != of.kind):
        return False
    if device.kind == "camera" or not device.quantities:
        return True
    return any(q in device.quantities or q.startswith("vn_aqi") for q in of.quantities) or not of.quantities
