"""Time as something that is passed in: the wall's, or a scenario's that runs faster and starts elsewhere."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the rim knows of time. The core knows none: it reads ticks."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z by this clock."""
        ...

    async def sleep_until(self, at_ms: int) -> None:
        """Return when `now_ms()` has reached `at_ms`."""
        ...


class WallClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep_until(self, at_ms: int) -> None:
        while (left_ms := at_ms - self.now_ms()) > 0:
            await asyncio.sleep(min(left_ms / 1000, 1.0))


class ScaledClock:
    """Starts at `start_ms` and runs `speed` times as fast as the machine's monotonic clock."""

    def __init__(self, start_ms: int, speed: float) -> None:
        self._start_ms = start_ms
        self._speed = speed
        self._origin_s = time.monotonic()

    def now_ms(self) -> int:
        return self._start_ms + int((time.monotonic() - self._origin_s) * 1000 * self._speed)

    async def sleep_until(self, at_ms: int) -> None:
        while (left_ms := at_ms - self.now_ms()) > 0:
            await asyncio.sleep(min(left_ms / 1000 / self._speed, 1.0))


class ManualClock:
    """Stands still until it is told: the clock of scenarios that run as fast as they can, and of tests."""

    def __init__(self, start_ms: int = 0) -> None:
        self._now_ms = start_ms
        self._moved = asyncio.Event()

    def now_ms(self) -> int:
        return self._now_ms

    def advance_to(self, at_ms: int) -> None:
        """Move to `at_ms` (never backwards) and wake whoever sleeps."""
        if at_ms > self._now_ms:
            self._now_ms = at_ms
            self._moved.set()
            self._moved = asyncio.Event()

    async def sleep_until(self, at_ms: int) -> None:
        while self._now_ms < at_ms:
            await self._moved.wait()
