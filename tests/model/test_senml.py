"""SenML: the examples of RFC 8428 and what is refused."""

from __future__ import annotations

import json

import pytest

from city_model.codec import senml
from city_model.events import Readings
from city_model.faults import Rejected

_NOW_MS = 1_764_000_000_000


def rows(readings: Readings) -> list[tuple[str, int, float]]:
    names = [readings.names[i] for i in readings.name_index]
    return list(zip(names, readings.at_ms.tolist(), readings.value.tolist(), strict=True))


def decode(*records: dict[str, object]) -> list[tuple[str, int, float]]:
    return rows(senml.decode(json.dumps(records).encode(), _NOW_MS))


def rejected(*records: dict[str, object]) -> str:
    with pytest.raises(Rejected) as caught:
        decode(*records)
    return caught.value.code


def test_single_datapoint_of_section_5_1_1() -> None:
    """RFC 8428 5.1.1, with a device in front of the quantity as the RFC has a URN."""
    assert decode({"n": "urn:dev:ow:10e2073a01080063:temperature", "u": "Cel", "v": 23.1}) == [("temperature", _NOW_MS, 23.1)]


def test_base_name_time_and_unit_of_section_5_1_3() -> None:
    """RFC 8428 5.1.3: base fields, and times relative to the base time; here with quantities we know."""
    pack = (
        {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e09, "bu": "Cel", "n": "temperature", "v": 20.1},
        {"n": "temperature", "t": -5, "v": 20.2},
        {"n": "humidity", "u": "%RH", "t": -4, "v": 71},
    )
    assert decode(*pack) == [
        ("temperature", 1_276_020_076_001, 20.1), ("temperature", 1_276_020_071_001, 20.2), ("humidity", 1_276_020_072_001, 71.0),
    ]  # fmt: skip


def test_the_moving_humidity_sensor_of_section_5_1_4() -> None:
    """RFC 8428 5.1.4: base values persist over records until they are given anew."""
    pack = (
        {"bn": "urn:dev:ow:10e2073a01080063", "bt": 1.320067464e09, "bu": "%RH", "n": ":humidity", "v": 20},
        {"n": ":humidity", "t": 60, "v": 20.3},
        {"bt": 1.320067524e09, "n": ":humidity", "t": 60, "v": 20.7},
    )
    assert [at for _, at, _ in decode(*pack)] == [1_320_067_464_000, 1_320_067_524_000, 1_320_067_584_000]


def test_resolved_records_of_section_5_1_5_mean_the_same_as_based_ones() -> None:
    resolved = ({"n": "a/pm25", "t": 1.5e9, "u": "ug/m3", "v": 11.5}, {"n": "a/pm10", "t": 1.5e9 + 1, "u": "ug/m3", "v": 20})
    based = ({"bn": "a/", "bt": 1.5e9, "bu": "ug/m3", "bv": 10, "n": "pm25", "v": 1.5}, {"n": "pm10", "t": 1, "v": 10})
    assert decode(*resolved) == decode(*based)


def test_small_times_are_relative_to_now() -> None:
    assert decode({"n": "pm25", "t": -60, "v": 1}) == [("pm25", _NOW_MS - 60_000, 1.0)]
    assert decode({"n": "pm25", "t": 2**28, "v": 1}) == [("pm25", 2**28 * 1000, 1.0)]


def test_a_record_of_base_fields_alone_carries_no_reading() -> None:
    assert decode({"bn": "air:", "bu": "ug/m3"}, {"n": "pm25", "v": 3}) == [("pm25", _NOW_MS, 3.0)]


def test_unknown_fields_are_ignored_unless_they_must_be_understood() -> None:
    assert decode({"n": "pm25", "v": 1, "vendor": "x"})
    assert rejected({"n": "pm25", "v": 1, "vendor_": "x"}) == "malformed"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"n": "pm25", "u": "Cel", "v": 1}, "wrong_unit"),
        ({"n": "pm25x", "u": "ug/m3", "v": 1}, "unknown_quantity"),
        ({"n": "pm25", "vs": "text"}, "malformed"),
        ({"n": "pm25", "v": "1"}, "malformed"),
    ],
)
def test_bad_records_are_rejected_with_their_code(record: dict[str, object], code: str) -> None:
    assert rejected(record) == code


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[1]", b'[{"n":"pm25","v":NaN}]', b'[{"n":"pm25","v":1e999}]', b"[" * 100_000, b'[{"n":"\xff"}]']
)
def test_what_is_no_pack_is_rejected(text: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        senml.decode(text, _NOW_MS)
    assert caught.value.code == "malformed"
    assert len(str(caught.value)) < 400


def test_extreme_times_are_rejected_not_overflowing() -> None:
    for seconds in (1e300, -1e300, 1e17):
        assert rejected({"n": "pm25", "t": seconds, "v": 1}) in {"malformed", "bad_time"}


def test_units_written_in_the_common_other_way_are_the_same() -> None:
    assert decode({"n": "pm25", "u": "µg/m3", "v": 1}) == [("pm25", _NOW_MS, 1.0)]
