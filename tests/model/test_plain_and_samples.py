"""Plain JSON readings and traffic samples."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city_model.codec import plain, samples
from city_model.events import TrafficSample
from city_model.faults import Rejected


def rejected_plain(text: bytes | str) -> str:
    with pytest.raises(Rejected) as caught:
        plain.decode(text.encode() if isinstance(text, str) else text)
    return caught.value.code


def test_one_object_or_a_list_with_time_or_ts_mean_the_same() -> None:
    one = plain.decode(b'{"time": "2026-11-25T08:00:00+07:00", "pm25": 31.2, "humidity": 78}')
    many = plain.decode(b'[{"ts": 1795568400000, "pm25": 31.2, "humidity": 78}]')
    assert one.names == many.names == ("pm25", "humidity")
    assert one.at_ms.tolist() == many.at_ms.tolist() == [1_795_568_400_000] * 2
    assert one.value.tolist() == [31.2, 78.0]


def test_null_means_not_measured() -> None:
    assert plain.decode(b'{"ts": 1, "pm25": null, "pm10": 4}').names == ("pm10",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"pm25": 1}', "bad_time"),
        ('{"time": "2026-11-25T08:00:00", "pm25": 1}', "bad_time"),
        ('{"time": "yesterday", "pm25": 1}', "bad_time"),
        ('{"ts": 1.5, "pm25": 1}', "bad_time"),
        ('{"ts": -1, "pm25": 1}', "bad_time"),
        ('{"ts": 1e300, "pm25": 1}', "bad_time"),
        ('{"ts": 1, "pm26": 1}', "unknown_quantity"),
        ('{"ts": 1, "pm25": "9"}', "malformed"),
        ('{"ts": 1, "pm25": NaN}', "malformed"),
        ('{"ts": 1, "pm25": [1]}', "malformed"),
        ("[" * 50_000, "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'{"ts": 1, "\xed\xa0\x80": 1}', "malformed"),
    ],
)
def test_plain_json_that_cannot_be_used_is_rejected_with_its_code(text: bytes | str, code: str) -> None:
    assert rejected_plain(text) == code


@st.composite
def traffic(draw: st.DrawFn) -> TrafficSample:
    count = st.integers(0, 500)
    ratio = st.floats(0, 1)
    return TrafficSample(
        draw(st.integers(0, 2**53)), draw(st.floats(0, 3600)), draw(st.text(max_size=20)), draw(count), draw(count), draw(count),
        draw(st.floats(0, 60_000)), draw(ratio), draw(ratio), draw(st.none() | st.floats(0, 300)), draw(st.none() | st.floats(0, 5000)),
        draw(st.sampled_from(["homography", "lane_width", "none"])),
    )  # fmt: skip


@given(st.lists(traffic(), max_size=5))
def test_samples_come_back_exactly(given_samples: list[TrafficSample]) -> None:
    assert samples.decode(samples.encode(given_samples)) == given_samples


_GOOD = json.loads(samples.encode([TrafficSample(1, 5.0, "in", 3, 2, 1, 700.0, 0.4, 0.9, 31.5, None, "lane_width")]))[0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"area_occupancy": 1.01}, "out_of_range"),
        ({"cars": -1}, "out_of_range"),
        ({"speed_kmh": -3.0}, "out_of_range"),
        ({"confidence": math.nan}, "malformed"),
        ({"cars": 1.5}, "malformed"),
        ({"speed_basis": "guess"}, "malformed"),
        ({"plate": "29A-12345"}, "malformed"),
    ],
)
def test_samples_that_cannot_be_true_are_rejected(change: dict[str, object], code: str) -> None:
    with pytest.raises(Rejected) as caught:
        samples.decode(json.dumps([_GOOD | change]).encode())
    assert caught.value.code == code
