"""CSV replay: well-known names, a map for everything else, moved in time and paced, bad cells left out and counted."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from city_model.clock import ManualClock
from city_model.codec.cloudevents import parse_rfc3339
from city_model.events import Readings
from city_model.faults import ConfigError
from edge_agent.batching import join
from edge_agent.sources.air_csv import AirCsvSource, Redate
from edge_agent.sources.air_map import AirMap, column_for, load_map
from edge_agent.sources.air_table import read_stations, read_table
from edge_agent.sources.port import Fault

DATA = Path(os.environ.get("SAOLA_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
DAY = "year,month,day,hour,PM2.5,TEMP,wd\n2016,12,1,8,55,-1.5,NNW\n2016,12,1,9,NA,0,E\n2016,12,1,10,77,1.5,\n"


VIETNAMESE = """
time = ["Ngày", "Giờ"]
time_format = "%d/%m/%Y %H.%M"
timezone = "Asia/Ho_Chi_Minh"
separator = ";"
decimal = ","
missing = ["-200"]
columns."Bụi" = {quantity = "pm25", factor = 1000.0}
columns."Nhiệt" = {quantity = "temperature", offset = -273.15}
"""
AIRNOW = """
time = ["Date (UTC)", "Time (UTC)"]
name_column = "Param"
value_column = "Value"
columns.NO2 = {quantity = "no2", factor = 1.88}
columns."PM2.5-88101" = {quantity = "pm25"}
"""
RECORDINGS = (
    ("prsa_beijing/PRSA_Data_Tiantan_20130301-20170228.csv.gz", 'timezone = "Asia/Shanghai"', {"pm25", "o3", "wind_direction"}, 330_000),
    ("sensortoolkit_pm/toco_toucan_RT01_raw.csv.gz", "", {"pm25", "no2", "o3", "temperature", "humidity"}, 150_000),
    ("sensortoolkit_pm/airnowtech_reference.csv.gz", AIRNOW, {"no2", "pm25"}, 1400),
    ("uci_airquality/AirQualityUCI.csv", 'missing = ["-200"]\ncolumns.NO2GT = {quantity = "no2"}', {"no2"}, 7700),
    ("purpleair_colocation/daily_pa_vs_aqs.csv", 'time = ["DAILY"]\ncolumns.conc = {quantity = "pm25"}', {"pm25"}, 3000),
)


def written(path: Path, text: str, name: str = "air.csv") -> Path:
    (path / name).write_text(text, encoding="utf-8")
    return path / name


def mapped(path: Path, text: str) -> AirMap:
    return load_map(written(path, text, "map.toml"))


def of(readings: Readings, name: str) -> list[float]:
    keep = readings.name_index == readings.names.index(name)
    return [float(v) for v in readings.value[keep]]


async def everything(source: AirCsvSource) -> Readings:
    items = [item async for item in source.items()]
    return join([item for item in items if isinstance(item, Readings)])


def test_well_known_names_need_no_map(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, DAY), AirMap(timezone="Asia/Shanghai"))
    readings = table.readings
    assert of(readings, "pm25") == [55, 77]
    assert of(readings, "temperature") == [-1.5, 0, 1.5]
    assert of(readings, "wind_direction") == [337.5, 90]
    assert int(readings.at_ms[0]) == parse_rfc3339("2016-12-01T08:00:00+08:00")
    assert not table.bad.counts


STATIONS = "time,where,NO2,T\n2026-01-01T00:00,A,100,50\n2026-01-01T00:00,B,200,41\n2026-01-01T01:00,A,,\n2026-01-01T02:00,A,1,32\n"
BY_STATION = """
timezone = "Asia/Ho_Chi_Minh"
station_column = "where"
columns.NO2 = {quantity = "no2", unit = "ppb"}
columns.T = {quantity = "temperature", unit = "degF"}
"""


def test_a_unit_says_what_a_cell_is_worth_and_a_column_says_of_which_station(tmp_path: Path) -> None:
    path = written(tmp_path, STATIONS)
    tables = read_stations(path, mapped(tmp_path, BY_STATION))
    assert list(tables) == ["A", "B"]
    assert of(tables["A"].readings, "no2") == pytest.approx([188.18, 1.8818], rel=1e-4)
    assert of(tables["A"].readings, "temperature") == pytest.approx([10, 0])
    assert of(tables["B"].readings, "temperature") == pytest.approx([5])
    only = read_table(path, mapped(tmp_path, 'station = "B"\n' + BY_STATION))
    assert of(only.readings, "no2") == pytest.approx([376.36], rel=1e-4)
    with pytest.raises(ConfigError, match="2 of them: A, B"):
        read_table(path, mapped(tmp_path, BY_STATION))


@pytest.mark.parametrize(
    ("column", "complaint"),
    [
        ('quantity = "no2", unit = "degF"', "a unit of no2"),
        ('quantity = "no2", unit = "ppb", factor = 2.0', "one or the other"),
        ('quantity = "rain", unit = "ppb"', "a unit of rain"),
    ],
)
def test_a_unit_that_does_not_fit_is_refused(tmp_path: Path, column: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        mapped(tmp_path, f"columns.x = {{{column}}}")


UNITS = (
    ("PM2.5 (µg/m³)", "pm25", 1),
    ("no2 (ppb)", "no2", 1.882),
    ("CO [mg/m3]", "co", 1000),
    ("CO (ppm)", "co", 1145.6),
    ("RH (%)", "humidity", 1),
)


@pytest.mark.parametrize(("name", "quantity", "factor"), UNITS)
def test_the_unit_behind_the_name_is_converted(name: str, quantity: str, factor: float) -> None:
    column = column_for(name)
    assert column is not None
    assert column.quantity == quantity
    assert column.factor == pytest.approx(factor, rel=1e-3)


def test_a_map_says_columns_units_separator_decimal_comma_and_what_is_missing(tmp_path: Path) -> None:
    air_map = mapped(tmp_path, VIETNAMESE)
    csv = written(tmp_path, "Trạm;Ngày;Giờ;Bụi;Nhiệt\nA;25/11/2026;08.00;0,031;303,15\nA;25/11/2026;09.00;-200;304,15\n")
    readings = read_table(csv, air_map).readings
    assert of(readings, "pm25") == [31.0]
    assert of(readings, "temperature") == [pytest.approx(30.0), pytest.approx(31.0)]
    assert int(readings.at_ms[0]) == parse_rfc3339("2026-11-25T08:00:00+07:00")


def test_a_table_with_one_measurement_a_row(tmp_path: Path) -> None:
    air_map = mapped(tmp_path, 'name_column = "Param"\nvalue_column = "Value"\n[columns.NO2]\nquantity = "no2"\nfactor = 2.0\n')
    csv = written(tmp_path, "time,Param,Value\n2026-01-01T00:00:00Z,NO2,5\n2026-01-01T00:00:00Z,XYZ,9\n2026-01-01T01:00:00Z,NO2,6\n")
    assert of(read_table(csv, air_map).readings, "no2") == [10, 12]


def test_bad_rows_are_counted_and_told_once_with_their_lines(tmp_path: Path) -> None:
    csv = written(tmp_path, "time,pm25\n2026-01-01 00:00,5\nsoon,5\n2026-01-01 02:00,five\n2026-01-01 03:00,-9\n2026-01-01 04:00\n")
    table = read_table(csv, AirMap())
    assert of(table.readings, "pm25") == [5]
    assert table.bad.counts == {"an unreadable time": 1, "an unreadable number": 1, "pm25 outside 0..5000 ug/m3": 1}
    assert table.bad.lines == [3, 4, 5]


def test_days_and_months_are_told_apart_by_a_day_above_12_or_asked_for(tmp_path: Path) -> None:
    rows = "time,pm25\n5/1/2026 7:00,1\n{}/1/2026 7:00,2\n"
    readings = read_table(written(tmp_path, rows.format(25)), AirMap()).readings
    assert datetime.fromtimestamp(readings.at_ms[0] / 1000, UTC).month == 1
    with pytest.raises(ConfigError, match=r"time_format: '5/1/2026 7:00' may be"):
        read_table(written(tmp_path, rows.format(6)), AirMap())


@pytest.mark.parametrize(
    ("text", "said"), [("", "not found"), ("a,b\n1,2\n", "not found"), ("time,pm25\n", "no time"), ("time,pm25\nsoon,1\n", "'soon'")]
)
def test_a_file_that_does_not_fit_is_told_with_what_was_looked_for(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_table(written(tmp_path, text), AirMap())


def test_a_wrong_map_tells_all_problems(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as err:
        mapped(tmp_path, 'decimal = ";"\ntimezone = "Hanoi"\nfactor = 2\n[columns.A]\nquantity = "dust"\n')
    assert {p.key for p in err.value.problems} == {"factor", "columns.A.quantity"}


async def test_a_recording_is_moved_in_time_and_paced_by_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "air.csv.gz"
    path.write_bytes(gzip.compress(DAY.encode()))
    hour_ms = 3_600_000
    clock = ManualClock(100 * hour_ms)
    source = AirCsvSource("air-1", path, AirMap(), clock, redate=Redate(becomes_ms=101 * hour_ms))
    got: list[int] = []

    async def pull() -> None:
        async for item in source.items():
            assert isinstance(item, Readings)
            got.extend(item.at_ms.tolist())

    task = asyncio.create_task(pull())
    await source.caught_up(100 * hour_ms)
    assert sorted(set(got)) == [99 * hour_ms, 100 * hour_ms]
    clock.advance_to(101 * hour_ms)
    await task
    assert sorted(set(got)) == [99 * hour_ms, 100 * hour_ms, 101 * hour_ms]


async def test_only_what_was_asked_for_is_sent(tmp_path: Path) -> None:
    source = AirCsvSource("air-1", written(tmp_path, DAY), AirMap(), quantities=frozenset({"pm25"}))
    assert (await everything(source)).names[0] == "pm25"
    assert Counter((await everything(source)).name_index.tolist()) == {0: 2}


async def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "air.csv.gz").write_bytes(b"\x1f\x8b not gzip")
    (item,) = [i async for i in AirCsvSource("air-1", tmp_path / "air.csv.gz", AirMap()).items()]
    assert isinstance(item, Fault)


async def test_what_was_left_out_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    csv = written(tmp_path, "time,pm25\n2026-01-01 00:00,5\n2026-01-01 01:00,x\n2026-01-01 02:00,y\n")
    with caplog.at_level(logging.WARNING):
        await everything(AirCsvSource("air-1", csv, AirMap()))
    (record,) = caplog.records
    assert "2 with an unreadable number; first in lines 3, 4" in record.getMessage()


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recordings in {DATA} (SAOLA_DATA)")


@needs_data
@pytest.mark.parametrize(("file", "text", "quantities", "readings"), RECORDINGS)
def test_real_recordings_are_read(tmp_path: Path, file: str, text: str, quantities: set[str], readings: int) -> None:
    table = read_table(DATA / file, mapped(tmp_path, text))
    assert quantities <= set(table.readings.names)
    assert len(table.readings) > readings
    assert bool(np.all(np.diff(table.readings.at_ms) >= 0))
