"""Topic filters as section 4.7 of MQTT 5 has them."""

from __future__ import annotations

import pytest

from city_model.faults import Rejected
from city_model.transport.filters import matches, split_share


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("+/+", "/b", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("a/+/c", "a/b/d", False),
    ],
)
def test_a_filter_matches_as_the_standard_says(topic_filter: str, topic: str, expected: bool) -> None:
    assert matches(topic_filter, topic) is expected


def test_a_shared_subscription_names_its_group() -> None:
    assert split_share("$share/bridge/city/v1/+/+/event") == ("bridge", "city/v1/+/+/event")
    assert split_share("city/#") == ("", "city/#")


@pytest.mark.parametrize("bad", ["", "a/#/b", "a#", "a/b+", "$share/", "$share/g", "$share//a", "$share/g+/a"])
def test_a_bad_filter_is_rejected(bad: str) -> None:
    with pytest.raises(Rejected) as refusal:
        split_share(bad)
    assert refusal.value.code == "bad_filter"
