"""Our reader of PUBLISH agrees with paho's writer, and survives whatever else is sent."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from city_model.transport.publish_packet import pack_properties, read_publish

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def body(topic: str, packed: bytes, payload: bytes) -> bytes:
    name = topic.encode()
    return len(name).to_bytes(2, "big") + name + b"\x01\x02" + packed + payload


@given(_texts.filter(bool), st.dictionaries(_texts, _texts, max_size=12), st.binary(max_size=300))
def test_what_is_packed_is_read_back(content_type: str, properties: dict[str, str], payload: bytes) -> None:
    got = read_publish(0x33, body("city/v1/a/b/event", pack_properties(content_type, properties), payload))
    assert (got.topic, got.content_type, got.properties, got.payload) == ("city/v1/a/b/event", content_type, properties, payload)
    assert (got.packet_id, got.qos, got.retain) == (0x0102, 1, True)


def test_properties_of_every_type_by_paho_are_read_or_skipped() -> None:
    theirs = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's class is untyped
    theirs.PayloadFormatIndicator = 1
    theirs.MessageExpiryInterval = 60
    theirs.TopicAlias = 3
    theirs.ContentType = "application/json"
    theirs.ResponseTopic = "answer/here"
    theirs.CorrelationData = b"\0\1\2"
    theirs.SubscriptionIdentifier = 300
    theirs.UserProperty = [("id", "b-1"), ("tên", "Hà Nội")]
    got = read_publish(0x32, body("t", theirs.pack(), b"payload"))  # type: ignore[no-untyped-call]  # as above
    assert (got.content_type, got.properties, got.payload) == ("application/json", {"id": "b-1", "tên": "Hà Nội"}, b"payload")


def test_our_packing_is_what_paho_reads() -> None:
    packed = pack_properties("image/jpeg", {"id": "x" * 200, "time": ""})
    theirs = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's class is untyped
    theirs.unpack(packed)  # type: ignore[no-untyped-call]  # as above
    assert theirs.json() == {"ContentType": "image/jpeg", "UserProperty": [("id", "x" * 200), ("time", "")]}  # type: ignore[no-untyped-call]  # as above


@given(st.binary(max_size=60), st.integers(0x30, 0x3F))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes, command: int) -> None:
    with contextlib.suppress(ValueError):
        read_publish(command, data)


def test_a_cut_packet_is_an_error() -> None:
    whole = body("topic", pack_properties("a/b", {"k": "v"}), b"")
    for size in range(len(whole)):
        with pytest.raises(ValueError, match="malformed"):
            read_publish(0x32, whole[:size])


def test_a_property_too_long_to_send_is_an_error() -> None:
    with pytest.raises(ValueError, match="65,535"):
        pack_properties("", {"k": "v" * 65_536})
