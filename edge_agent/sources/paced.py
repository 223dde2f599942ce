"""A source that can say how far it has come, so that a scenario's tick can wait for it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Paced(Protocol):
    """What `Agent.flushed` asks of a source."""

    async def caught_up(self, up_to_ms: int | None) -> None:
        """Return when the agent has taken everything the source has up to `up_to_ms` of its clock, or has ended (None: all that it
        was given from outside before)."""
        ...
