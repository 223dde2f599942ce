"""A source that is fed by its owner: simulators and tests put items in, and a real agent carries them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from edge_agent.sources.port import Item

_MOST_WAITING = 64  # pushes; then `push` waits, which is how a full disk reaches whoever makes the items


class PushSource:
    """Items of one device, in the order they were pushed."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._waiting: asyncio.Queue[Sequence[Item] | None] = asyncio.Queue(_MOST_WAITING)

    async def push(self, items: Sequence[Item]) -> None:
        """Hand items over; waits while the agent is behind."""
        await self._waiting.put(items)

    async def end(self) -> None:
        """Nothing more will come."""
        await self._waiting.put(None)

    async def caught_up(self, up_to_ms: int | None) -> None:
        """Return when the agent has taken everything that was pushed before, whatever its time."""
        await self._waiting.join()

    async def items(self) -> AsyncIterator[Item]:
        while (items := await self._waiting.get()) is not None:
            for item in items:
                yield item
            self._waiting.task_done()
        self._waiting.task_done()

    async def close(self) -> None:
        """Nothing to let go of."""
