"""Who may write and read what, explicit per user, from the registry. An agent speaks for itself and the devices it carries.

Only `bridge` writes `ack` and reads what everybody sends; nobody else's topics are anybody's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from city_model.registry import City, Device
from city_model.topics import Stream, mqtt_topic
from city_model.transport.filters import matches

BRIDGE = "bridge"
_UP: tuple[Stream, ...] = ("telemetry", "frame", "event", "status")
_DOWN: tuple[Stream, ...] = ("cmd", "ack")


@dataclass(frozen=True, slots=True)
class Rule:
    """`user` may `access` the topics under `topic_filter`."""

    user: str
    access: Literal["read", "write"]
    topic_filter: str


def users(city: City) -> tuple[str, ...]:
    """Everyone with a connection of its own: the bridge, every agent, and every device without an agent."""
    return (BRIDGE, *(device.id for device in city.device if not device.agent))


def rules(city: City) -> Iterator[Rule]:
    """All rules, users in the order of `users`."""
    for stream in _UP:
        yield Rule(BRIDGE, "read", f"city/v1/+/+/{stream}")
    yield Rule(BRIDGE, "write", "city/v1/+/+/ack")
    for device in city.device:
        if not device.agent:
            for carried in city.carried_by(device.id):
                yield from _of(device.id, carried)


def _of(user: str, device: Device) -> Iterator[Rule]:
    for stream in _UP:
        yield Rule(user, "write", mqtt_topic(device.site, device.id, stream))
    for stream in _DOWN:
        yield Rule(user, "read", mqtt_topic(device.site, device.id, stream))


def render_acl(city: City) -> str:
    """The rules as Mosquitto's acl_file."""
    lines = ["# Written by `saola broker render` from the registry; what is not allowed here is denied."]
    user = ""
    for rule in rules(city):
        if rule.user != user:
            user = rule.user
            lines += ["", f"user {user}"]
        lines.append(f"topic {rule.access} {rule.topic_filter}")
    return "\n".join(lines) + "\n"


class Access:
    """The same rules as a question, for the broker in process: `access(user, "read" or "write", topic)`."""

    def __init__(self, city: City) -> None:
        self._exact: set[tuple[str, str, str]] = set()
        self._wild: dict[tuple[str, str], list[str]] = {}
        for rule in rules(city):
            if "+" in rule.topic_filter:
                self._wild.setdefault((rule.user, rule.access), []).append(rule.topic_filter)
            else:
                self._exact.add((rule.user, rule.access, rule.topic_filter))

    def __call__(self, user: str, access: Literal["read", "write"], topic: str) -> bool:
        return (user, access, topic) in self._exact or any(matches(f, topic) for f in self._wild.get((user, access), ()))
