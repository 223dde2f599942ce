"""What agent and bridge need of a broker. Implementations: `mqtt` (paho, MQTT 5) and `local` (in process).

At least once: a delivery that was not acked comes again after a reconnect. `publish` returning means that the broker has it,
which is no promise of durability: that is the application ack's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message: `properties` are MQTT 5 user properties."""

    topic: str
    payload: bytes
    content_type: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    retain: bool = False


class Delivery(Protocol):
    """A received message and the way to acknowledge it to the broker."""

    @property
    def message(self) -> Message: ...

    def ack(self) -> None:
        """Tell the broker that we have it. Without this it is delivered again after a reconnect."""
        ...


class Transport(Protocol):
    """One client connection. It reconnects by itself, with back-off and jitter, and subscribes again."""

    async def connect(self, client_id: str, *, will: Message | None = None) -> None:
        """Open the connection. Raises Unavailable when the broker cannot be reached, Rejected when it refuses us."""
        ...

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Receive what matches `filters` (MQTT filters with + and #, `$share/group/…` allowed), QoS 1."""
        ...

    async def publish(self, message: Message) -> None:
        """Hand over at QoS 1. Raises Rejected when the broker refuses this message (ACL, size), Unavailable when it is away."""
        ...

    async def receive(self, most: int) -> list[Delivery]:
        """Wait for at least one delivery and return up to `most`, in order."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the broker is reached now."""
        ...

    async def close(self) -> None:
        """Disconnect; a clean close publishes no Will."""
        ...
