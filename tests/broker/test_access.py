"""Who may do what: the rules, Mosquitto's file of them, and the same rules as a question."""

from __future__ import annotations

import pytest

from broker_config.acl import Access, render_acl, rules, users
from city_model.topics import STREAMS
from tests.mosquitto_fixture import broker_city


def test_who_connects_is_the_bridge_the_agents_and_devices_without_one() -> None:
    assert users(broker_city) == ("bridge", "pole-1", "air-2")


def test_the_file_names_every_topic_and_no_pattern() -> None:
    text = render_acl(broker_city)
    assert "pattern" not in text
    assert "#" not in text.partition("\n")[2]
    section = text.partition("user air-2\n")[2]
    assert section.splitlines() == [
        *(f"topic write city/v1/bank/air-2/{stream}" for stream in ("telemetry", "frame", "event", "status")),
        *(f"topic read city/v1/bank/air-2/{stream}" for stream in ("cmd", "ack")),
    ]
    assert text.count("topic write city/v1/+/+/ack") == 1


@pytest.mark.parametrize("device", ["pole-1", "cam-1", "air-1"])
def test_an_agent_speaks_for_itself_and_what_it_carries(device: str) -> None:
    may = Access(broker_city)
    for stream in STREAMS:
        topic = f"city/v1/ht-kt/{device}/{stream}"
        up = stream in ("telemetry", "frame", "event", "status")
        assert may("pole-1", "write", topic) is up
        assert may("pole-1", "read", topic) is not up
        assert may("bridge", "read", topic) is up
        assert may("bridge", "write", topic) is (stream == "ack")
        assert not may("air-2", "write", topic)
        assert not may("air-2", "read", topic)
        assert not may("", "write", topic)


def test_a_carried_device_has_no_rules_of_its_own() -> None:
    assert {rule.user for rule in rules(broker_city)} == set(users(broker_city))
