"""Source: an endless (or finite) stream of what one device measured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from city_model.events import Readings, TrafficSample


@dataclass(frozen=True, slots=True)
class Frame:
    """A small masked JPEG of a camera too simple to compute (`send = "frames"`)."""

    at_ms: int
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """The source cannot see or measure now; the agent says so in the device's status."""

    at_ms: int
    reason: str


Item = Readings | TrafficSample | Frame | Fault


class Source(Protocol):
    """What one device measures, paced by the clock it was made with."""

    device: str

    def items(self) -> AsyncIterator[Item]:
        """Items in event-time order; ends when the source does (a file) and never dies of a bad input."""
        ...

    async def close(self) -> None: ...
