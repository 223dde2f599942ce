"""Packed columns and observations: exact round trips, stable bytes, and every other byte string rejected."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city_model.codec import observations, packed
from city_model.events import Readings
from city_model.faults import Rejected


@st.composite
def readings(draw: st.DrawFn) -> Readings:
    names = tuple(draw(st.lists(st.text(max_size=12), min_size=1, max_size=5)))
    n = draw(st.integers(0, 40))
    index = draw(st.lists(st.integers(0, len(names) - 1), min_size=n, max_size=n))
    at_ms = draw(st.lists(st.integers(0, 2**53), min_size=n, max_size=n))
    value = draw(st.lists(st.floats(allow_nan=False), min_size=n, max_size=n))
    return Readings(names, np.array(index, np.uint16), np.array(at_ms, np.int64), np.array(value, np.float64))


def same(one: Readings, other: Readings) -> bool:
    columns = ("name_index", "at_ms", "value")
    return one.names == other.names and all(getattr(one, c).tobytes() == getattr(other, c).tobytes() for c in columns)


@given(readings())
def test_what_is_packed_comes_back_exactly(given_readings: Readings) -> None:
    assert same(packed.decode(packed.encode(given_readings)), given_readings)


@given(readings(), st.integers(0, 255))
def test_observations_keep_readings_and_flags(given_readings: Readings, flags: int) -> None:
    again, again_flags = observations.decode(observations.encode(given_readings, flags))
    assert same(again, given_readings)
    assert again_flags == flags


@given(readings(), st.data())
def test_no_cut_or_changed_byte_string_does_worse_than_being_rejected(given_readings: Readings, data: st.DataObject) -> None:
    body = bytearray(packed.encode(given_readings))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    for attempt in (bytes(body), bytes(body[:at])):
        with contextlib.suppress(Rejected):
            decoded = packed.decode(attempt)
            assert int(decoded.name_index.max(initial=0)) < max(len(decoded.names), 1)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_rejected_by_both(body: bytes) -> None:
    for decode in (packed.decode, observations.decode):
        with pytest.raises(Rejected):
            decode(body)


@given(readings())
def test_names_that_nobody_uses_can_be_left_out(given_readings: Readings) -> None:
    compact = packed.only_named(given_readings)
    named = [given_readings.names[k] for k in given_readings.name_index.tolist()]
    assert [compact.names[k] for k in compact.name_index.tolist()] == named
    assert len(compact.names) == len(set(given_readings.name_index.tolist()))


def test_as_many_names_as_readings_fit() -> None:
    names = tuple(f"hn-air-{k:05d}/humidity" for k in range(packed.MAX_READINGS))
    n = len(names)
    many = Readings(names, np.arange(n, dtype=np.uint16), np.arange(n, dtype=np.int64), np.ones(n))
    assert same(packed.decode(packed.encode(many)), many)
