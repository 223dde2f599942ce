"""Text for InfluxDB is what influxdb-client's own Point writes, number for number, and refuses what no line can carry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city_model.faults import Rejected
from stream_processor.stores.influx_names import head_of, joined, parts
from stream_processor.stores.line_protocol import head, lines

influxdb_client = pytest.importorskip("influxdb_client", reason="influxdb-client is not installed: pip install 'saola-city[stream]'")

_names = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\/"), min_size=1, max_size=12).filter(
    lambda text: text.strip() and not text.startswith("#")
)
_finite = st.floats(allow_nan=False, allow_infinity=False)


def columns(rows: list[tuple[int, float, int]]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    at_ms, value, flags = (np.array([row[i] for row in rows], kind) for i, kind in enumerate((np.int64, np.float64, np.uint8)))
    return np.zeros(len(rows), np.uint16), at_ms, {"value": value, "flags": flags}


@given(_names, _names, _names)
def test_names_are_escaped_as_the_client_escapes_them(device: str, direction: str, quantity: str) -> None:
    point = influxdb_client.Point(quantity).tag("device", device).tag("direction", direction).field("x", 1)
    assert head_of(f"{device}/{direction}/{quantity}").decode() == point.to_line_protocol().removesuffix(" x=1i")


@given(st.lists(st.tuples(st.integers(-(1 << 42), 1 << 42), _finite, st.integers(0, 255)), max_size=8))
def test_numbers_read_back_as_they_were(rows: list[tuple[int, float, int]]) -> None:
    index, at_ms, fields = columns(rows)
    text = lines([b"pm25,device=a"], index, at_ms, fields).decode()
    read = []
    for line in text.split("\n") if text else []:
        start, fields_text, at = line.split(" ")
        value, flags = fields_text.split(",")
        assert start == "pm25,device=a"
        assert flags.endswith("i")
        read.append((int(at), float(value.removeprefix("value=")), int(flags.removeprefix("flags=").removesuffix("i"))))
    assert read == rows


def test_each_row_has_the_head_of_its_series_and_all_fields_in_order() -> None:
    text = lines(
        [b"a", b"b"], np.array([1, 0, 1]), np.array([1, 2, 3]),
        {"count": np.array([3, 3, 3]), "sum": np.array([1.5, 2.0, -0.25]), "last": np.array([1.0, 1.0, 1.0])},
    )  # fmt: skip
    assert text == b"b count=3i,sum=1.5,last=1.0 1\na count=3i,sum=2.0,last=1.0 2\nb count=3i,sum=-0.25,last=1.0 3"


@given(st.lists(_names, min_size=2, max_size=4))
def test_a_series_comes_back_from_its_parts(words: list[str]) -> None:
    series = "/".join(words)
    assert joined(*parts(series)) == series


@pytest.mark.parametrize("series", ["", "pm25", "/pm25", "a/", "a//pm25", "a/b/", "//", "a\\/pm25", "a\nb/pm25", "a/#x", "a/ ", "a/\ud800"])
def test_a_series_no_line_can_carry_is_rejected(series: str) -> None:
    with pytest.raises(Rejected, match="bad_series"):
        head_of(series)


def test_a_tag_without_value_is_left_out() -> None:
    assert head("pm 25", {"device": "a,b=c d", "direction": ""}) == b"pm\\ 25,device=a\\,b\\=c\\ d"
