"""Devices are appended to the registry as text, and only when the whole of it still checks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from broker_config.city_file import add_device
from city_model.faults import ConfigError
from city_model.registry import Device, Direction, load_city
from tests.broker.cities import TEXT, write_city


def test_what_people_wrote_stays_and_the_device_stands_below(tmp_path: Path) -> None:
    path = write_city(tmp_path)
    names = (Direction("in", 'Vào "nội đô"', "Inbound\\"), Direction("out", "Ra", "Outbound"))
    added = Device("cam-9", "ht-kt", "camera", "pole-1", directions=names)
    city = add_device(path, added)
    assert path.read_text(encoding="utf-8").startswith(TEXT)
    assert city == load_city(path)
    assert city.devices["cam-9"] == added


@pytest.mark.parametrize(
    ("device", "key"),
    [
        (Device("air-1", "ht-kt", "air"), "device.air-1"),
        (Device("Air 2", "ht-kt", "air"), "device[2].id"),
        (Device('x"\n', "ht-kt", "air"), "device[2].id"),
        (Device("air-2", "nowhere", "air"), "device.air-2.site"),
        (Device("air-2", "ht-kt", "air", "air-1"), "device.air-2.agent"),
        (Device("air-2", "ht-kt", "air", quantities=("dust",)), "device.air-2.quantities"),
        (Device("cam-1", "ht-kt", "camera"), "device.cam-1.directions"),
    ],
)
def test_a_device_that_does_not_fit_leaves_the_file_untouched(tmp_path: Path, device: Device, key: str) -> None:
    path = write_city(tmp_path)
    with pytest.raises(ConfigError) as refusal:
        add_device(path, device)
    assert [p.key.replace("device.2.", "device[2].") for p in refusal.value.problems] == [key]
    assert path.read_text(encoding="utf-8") == TEXT


def test_a_missing_registry_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        add_device(tmp_path / "city.toml", Device("a", "b", "air"))


def test_additions_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = write_city(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: add_device(path, Device(f"air-{n}", "ht-kt", "air", "pole-1")), range(10, 30)))
    assert len(load_city(path).device) == 22
