"""The registry: lookups, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_model.faults import ConfigError
from city_model.registry import load_city

_CITY = """
name_vi = "Thành phố mẫu"
name_en = "Sample city"

[[area]]
id = "east"

[[site]]
id = "bridge"
area = "east"
vi = "Cầu"
en = "Bridge"
latitude = 21.03
longitude = 105.85

[[device]]
id = "pole-1"
site = "bridge"
kind = "agent"

[[device]]
id = "cam-1"
site = "bridge"
kind = "camera"
agent = "pole-1"
directions = [{ id = "in", vi = "Vào", en = "In" }]

[[device]]
id = "air-1"
site = "bridge"
agent = "pole-1"
quantities = ["pm25", "humidity"]
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "city.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_lookups_go_from_device_to_site_to_area(tmp_path: Path) -> None:
    city = load_city(write(tmp_path, _CITY))
    assert city.site_of("cam-1").en == "Bridge"
    assert city.area_of("air-1") == "east"
    assert [device.id for device in city.carried_by("pole-1")] == ["pole-1", "cam-1", "air-1"]
    assert city.devices["cam-1"].directions[0].vi == "Vào"
    with pytest.raises(KeyError):
        city.area_of("nobody")


def test_every_dangling_name_is_reported(tmp_path: Path) -> None:
    text = (
        _CITY.replace('area = "east"', 'area = "west"')
        .replace('kind = "camera"\nagent = "pole-1"', 'kind = "camera"\nagent = "air-1"')
        .replace('"humidity"', '"humdity"')
        .replace('directions = [{ id = "in", vi = "Vào", en = "In" }]', "")
        .replace('name_en = "Sample city"', 'name_en = "Sample city"\ntimezone = "Asia/Saigonn"')
        + '\n[[device]]\nid = "air-1"\nsite = "nowhere"\n'
    )
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_city(path)
    assert sorted(problem.key for problem in caught.value.problems) == [
        "device.air-1", "device.air-1.quantities", "device.air-1.site", "device.cam-1.agent", "device.cam-1.directions",
        "site.bridge.area", "timezone",
    ]  # fmt: skip
    assert all(problem.file == str(path) for problem in caught.value.problems)


@pytest.mark.parametrize("bad", ["Cam", "cam_1", "-cam", "", "x" * 64, "cam/1", "cam+", "càm"])
def test_ids_that_could_not_stand_in_a_topic_are_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_city(write(tmp_path, _CITY.replace('id = "air-1"', f'id = "{bad}"')))
    assert caught.value.problems[0].key == "device[2].id"


def test_a_place_off_the_globe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"site\[0\]\.latitude: 121\.0; expected -90\.\.90"):
        load_city(write(tmp_path, _CITY.replace("21.03", "121")))
