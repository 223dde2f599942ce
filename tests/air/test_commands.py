"""`saola replay` and `saola air`: any CSV through the core, and indices by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from city_model.faults import ConfigError
from simulators.air_rating import air
from simulators.replay import replay
from stream_processor.core.air import vn_aqi
from tests.air.data import needs_data, station_files

MAP = """
time = ["when"]
timezone = "Asia/Ho_Chi_Minh"
station_column = "station"
missing = ["", "-99"]
columns."bụi" = {quantity = "pm25", unit = "mg/m3"}
columns.NO2 = {quantity = "no2", unit = "ppb"}
"""


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def lines(command: Any, *arguments: str) -> list[dict[str, Any]]:  # noqa: ANN401 - a click command
    done = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def two_stations(folder: Path) -> tuple[str, str]:
    rows = ["when,station,bụi,NO2"]
    for hour in range(30):
        rows += [
            f"2026-03-0{1 + hour // 24} {hour % 24:02}:00,Chợ,{(20 + hour) / 1000},50",
            f"2026-03-0{1 + hour // 24} {hour % 24:02}:00,Cầu,-99,10",
        ]
    return written(folder, "hai trạm.csv", "\n".join(rows)), written(folder, "map.toml", MAP)


def test_a_csv_of_two_stations_becomes_observations_and_indices(tmp_path: Path) -> None:
    file, air_map = two_stations(tmp_path)
    out = lines(replay, file, "--map", air_map)
    seen = [line for line in out if line["kind"] == "observation"]
    assert len(seen) == 30 * 3
    first = next(line for line in seen if line["quantity"] == "pm25")
    assert (first["station"], first["time"], first["value"], first["late"]) == ("Chợ", "2026-03-01T00:00:00+07:00", 20.0, False)
    expected = vn_aqi.hourly({"pm25": [20.0 + hour for hour in range(30)], "no2": [50 * 46.01 / 24.45] * 30})
    index = {line["time"]: line for line in out if line["kind"] == "index" and line["index"] == "vn_aqi" and line["station"] == "Chợ"}
    values = [index[f"2026-03-0{1 + hour // 24}T{hour % 24:02}:00:00+07:00"] for hour in range(30)]
    assert [line["value"] or -1 for line in values] == expected.value.tolist()
    assert [line["dominant"] or "" for line in values] == expected.named()
    assert values[5]["category"]["vi"] == "Tốt"
    assert "NowCast normalised" in values[5]["method"]
    assert all(line["value"] is None for line in out if line["kind"] == "index" and line["station"] == "Cầu")
    (day,) = [line for line in out if line["kind"] == "index" and line["index"] == "vn_aqi_day" and line["value"] is not None]
    assert (day["time"], day["value"]) == ("2026-03-01T00:00:00+07:00", vn_aqi.daily({"pm25": [20.0 + h for h in range(24)]}).value[0])


def test_only_what_was_asked_for_is_printed(tmp_path: Path) -> None:
    file, air_map = two_stations(tmp_path)
    assert {line["kind"] for line in lines(replay, file, "--map", air_map, "--only", "index")} == {"index"}


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    file, air_map = two_stations(tmp_path)
    runs = [CliRunner().invoke(replay, [file, "--map", air_map]).stdout for _ in range(2)]
    assert runs[0] == runs[1] != ""


def test_a_map_that_does_not_fit_is_told_before_anything_is_printed(tmp_path: Path) -> None:
    file = written(tmp_path, "a.csv", "when,x\n2026-01-01 00:00,1\n")
    with pytest.raises(ConfigError, match="not found"):
        CliRunner().invoke(replay, [file], catch_exceptions=False)


@needs_data
def test_a_winter_of_beijing_through_the_core(tmp_path: Path) -> None:
    """December 2016: an air-quality red alarm was in force in Beijing from the 16th to the 21st."""
    text = gzip.decompress(station_files()[0].read_bytes()).decode().splitlines()
    december = [text[0], *(row for row in text[1:] if row.split(",")[1:3] == ["2016", "12"] and 10 <= int(row.split(",")[3]) <= 25)]
    file = written(tmp_path, "december.csv", "\n".join(december))
    out = lines(replay, file, "--zone", "Asia/Shanghai", "--only", "alarm", "--only", "index")
    opened = [line for line in out if line["kind"] == "alarm" and line["transition"] == "opened" and line["rule"] == "pm25_1h"]
    assert any("2016-12-16" <= line["time"][:10] <= "2016-12-20" for line in opened)
    hazardous = [line for line in out if line["kind"] == "index" and (line["value"] or 0) > 300]
    assert {line["time"][:10] for line in hazardous} >= {"2016-12-20", "2016-12-21"}
    assert {line["category"]["en"] for line in hazardous} == {"Hazardous"}


def test_typed_values_are_rated_by_each_standard() -> None:
    runner = CliRunner()

    def rated(*arguments: str) -> dict[str, Any]:
        done = runner.invoke(air, ["index", *arguments, "--json"], catch_exceptions=False)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    vn = rated("pm25=55.7", "no2=118.7", "o3=60ppb")
    assert (vn["value"], vn["dominant"], vn["category"]["vi"], vn["sub"]["no2"]) == (110, "pm25", "Kém", 59)
    assert vn["advice"]["en"].startswith("With sore eyes")
    assert rated("--standard", "us", "pm25=28.4", "o3=0.06ppm")["sub"] == {"pm25_24h": 87, "o3_8h": 67}
    assert rated("--standard", "eu", "pm25=5.1", "no2=10")["value"] == 2
    assert rated("--standard", "in", "pm25=90", "no2=40", "co=1mg/m3")["value"] == 200
    assert rated("--standard", "in", "pm25=90", "no2=40")["value"] is None


@pytest.mark.parametrize("arguments", [[], ["pm25"], ["pm25=dust"], ["pm25=3ppb"], ["no2=4"], ["tsp=4"]])
def test_values_that_cannot_be_rated_are_refused(arguments: list[str]) -> None:
    with pytest.raises(ConfigError):
        CliRunner().invoke(air, ["index", *arguments], catch_exceptions=False)


def test_the_limits_of_two_days() -> None:
    found = {}
    for day in ("2025-12-31", "2026-01-01"):
        rows = json.loads(CliRunner().invoke(air, ["limits", "--on", day, "--json"], catch_exceptions=False).stdout)
        found[day] = next(r["limit"] for r in rows if (r["quantity"], r["average"]) == ("pm25", "24h") and "QCVN" in r["regulation"])
    assert found == {"2025-12-31": 50, "2026-01-01": 45}


def test_a_file_of_minutes_is_rated_by_hours(tmp_path: Path) -> None:
    rows = [f"2026-03-01T{m // 60:02}:{m % 60:02}:00+07:00,{20 + m // 60}" for m in range(240) if not 60 <= m < 90]
    file = written(tmp_path, "minutes.csv", "\n".join(["time,PM2.5", *rows]))
    out = lines(air, "index", "--file", file, "--zone", "Asia/Ho_Chi_Minh", "--json")
    assert [line["value"] for line in out] == [None, None, 42, 44]  # half of the second hour is missing
    assert out[3]["time"] == "2026-03-01T03:00:00+07:00"
