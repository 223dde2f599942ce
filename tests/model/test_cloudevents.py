"""The envelope, against CloudEvents 1.0 and its JSON format; both modes and their rejections."""

from __future__ import annotations

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city_model.codec.cloudevents import attributes, from_attributes, from_structured, parse_rfc3339, rfc3339
from city_model.events import Event, EventType
from city_model.faults import Rejected

_EVENT = Event(
    EventType.READINGS,
    "bridge",
    "air-1",
    "1764000000000-a1b2",
    17,
    3,
    1_764_000_000_123,
    "application/json",
    b"{}",
    "east",
    1_764_000_000_456,
)
_IDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
_TIMES = st.integers(0, 4_000_000_000_000)


@st.composite
def events(draw: st.DrawFn) -> Event:
    boot = draw(st.just("") | _IDS)
    seq = draw(st.integers(0, 2**53 - 1)) if boot else -1
    return Event(
        draw(st.sampled_from(EventType)), draw(_IDS), draw(_IDS), boot, seq, draw(st.integers(0, 9999)), draw(_TIMES),
        "application/json", draw(st.binary(max_size=40)), draw(st.just("") | _IDS), draw(_TIMES),
    )  # fmt: skip


@given(events())
def test_an_event_is_read_back_from_its_attributes(event: Event) -> None:
    assert from_attributes(attributes(event), event.content_type, event.data) == event


@given(events())
def test_attributes_conform_to_cloudevents_1_0(event: Event) -> None:
    """Section "Context Attributes": the four required ones not empty, names of a-z and 0-9, at most 20 long, no control characters."""
    attrs = attributes(event)
    assert attrs["specversion"] == "1.0"
    assert all(attrs[name] for name in ("id", "source", "type"))
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in attrs)
    assert all(isinstance(value, str) and value.isprintable() for value in attrs.values())
    assert parse_rfc3339(attrs["time"]) == event.at_ms


def test_the_attributes_of_one_event_are_exactly_these() -> None:
    assert attributes(_EVENT) == {
        "specversion": "1.0", "id": "1764000000000-a1b2-17", "source": "/bridge/air-1", "type": "city.saola.readings.v1",
        "time": "2025-11-24T16:00:00.123Z", "count": "3", "sequence": "00000000000000000017", "boot": "1764000000000-a1b2",
        "partitionkey": "east", "recordedtime": "2025-11-24T16:00:00.456Z",
    }  # fmt: skip


def test_sequences_sort_as_text() -> None:
    assert attributes(_EVENT)["sequence"] < attributes(Event("t", "s", "d", "b", 2**53 - 1, 1, 0, "", b""))["sequence"]


def structured(**changes: object) -> bytes:
    fields: dict[str, object] = attributes(_EVENT) | {"datacontenttype": "application/json", "data": {"ts": 1, "pm25": 2.5}} | changes
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


def test_structured_mode_means_the_same_as_binary_mode() -> None:
    event = from_structured(structured())
    assert json.loads(event.data) == {"ts": 1, "pm25": 2.5}
    assert (event.id, event.seq, event.at_ms, event.area) == (_EVENT.id, 17, _EVENT.at_ms, "east")
    packed = base64.b64encode(b"\x00\xff").decode()
    assert from_structured(structured(data=None, data_base64=packed)).data == b"\x00\xff"


def test_a_structured_sequence_may_be_a_number() -> None:
    assert from_structured(structured(sequence=18, count=2)).seq == 18


def test_a_sender_without_a_sequence_needs_no_boot() -> None:
    event = from_structured(structured(boot=None, sequence=None, count=None))
    assert (event.boot, event.seq, event.count, event.id) == ("", -1, 1, "t1764000000123")


@pytest.mark.parametrize("name", ["specversion", "source", "type", "time", "sequence"])
def test_a_lacking_attribute_is_named(name: str) -> None:
    attrs = {key: value for key, value in attributes(_EVENT).items() if key != name}
    with pytest.raises(Rejected, match=f"envelope lacks '{name}'"):
        from_attributes(attrs, "application/json", b"")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("specversion", "0.3", "malformed"), ("source", "air-1", "malformed"), ("source", "/a/b/c", "malformed"),
        ("sequence", "x", "malformed"), ("sequence", "-2", "malformed"), ("sequence", str(2**53), "malformed"),
        ("sequence", "9" * 5000, "malformed"), ("count", "-1", "malformed"), ("boot", "b" * 65, "malformed"),
        ("time", "2025-11-24 16:00", "bad_time"), ("time", "", "bad_time"), ("recordedtime", "now", "bad_time"),
    ],
)  # fmt: skip
def test_an_attribute_that_cannot_be_right_is_rejected(name: str, value: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        from_attributes(attributes(_EVENT) | {name: value}, "application/json", b"")
    assert caught.value.code == code
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b'"x"', b"\xff", b'{"specversion":' + b"[" * 100_000, structured(data=None),
        structured(data=None, data_base64="!"), structured(data=None, data_base64=5),
    ],
)  # fmt: skip
def test_what_is_no_structured_event_is_rejected(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        from_structured(body)
    assert caught.value.code == "malformed"


@given(st.binary(max_size=120))
def test_arbitrary_bytes_never_raise_anything_else(body: bytes) -> None:
    with pytest.raises(Rejected):
        from_structured(body)


@given(_TIMES)
def test_times_survive_as_text(at_ms: int) -> None:
    assert parse_rfc3339(rfc3339(at_ms)) == at_ms


def test_an_offset_is_honoured() -> None:
    assert parse_rfc3339("2026-11-25T08:00:00+07:00") == parse_rfc3339("2026-11-25T01:00:00Z")
