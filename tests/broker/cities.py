"""A small registry as a file."""

from __future__ import annotations

from pathlib import Path

TEXT = """\
# Hand-written; comments stay.
name_vi = "Thành phố thử"
name_en = "Test city"

[[area]]
id = "center"  # the old quarter

[[site]]
id = "ht-kt"
area = "center"
vi = "Hàng Tre"
en = "Hang Tre"
latitude = 21.03
longitude = 105.85

[[device]]
id = "pole-1"
site = "ht-kt"
kind = "agent"

[[device]]
id = "air-1"
site = "ht-kt"
kind = "air"
agent = "pole-1"
quantities = ["pm25"]
"""


def write_city(directory: Path) -> Path:
    path = directory / "city.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path
