"""Feeds: what each device of a played city measures, step by step of the scenario's clock.

Whatever they give goes through a real edge agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from city_model.clock import ManualClock
from city_model.events import Readings, TrafficSample
from edge_agent.sources.paced import Paced
from edge_agent.sources.port import Fault, Frame, Item, Source
from simulators.air import AirModel
from simulators.road.model import RoadModel


class Feed(Protocol):
    """One device."""

    device: str

    async def until(self, at_ms: int) -> list[Item]:
        """What it measured since the last call up to and with `at_ms`, in order of time."""
        ...

    async def close(self) -> None: ...


def newest_ms(item: Item) -> int:
    """Event time of an item: the newest of a batch of readings."""
    return int(item.at_ms.max()) if isinstance(item, Readings) else item.at_ms


class AirFeed:
    """A station of the air model."""

    def __init__(self, model: AirModel, device: str, start_ms: int) -> None:
        self.device = device
        self._model = model
        self._at_ms = start_ms

    async def until(self, at_ms: int) -> list[Item]:
        readings = self._model.readings(self.device, self._at_ms + 1, at_ms + 1)
        self._at_ms = at_ms
        return [readings] if len(readings) else []

    async def close(self) -> None:
        """Nothing to let go of."""


class PacedSource(Source, Paced, Protocol):
    """An edge source that can say how far it has come."""


class SourceFeed:
    """Any edge source: a recording, or pictures drawn and measured in a child process. The clock it was made with is moved here."""

    def __init__(self, source: PacedSource, clock: ManualClock) -> None:
        self.device = source.device
        self._source = source
        self._clock = clock
        self._got: list[Item] = []
        self._pump = asyncio.create_task(self._take_all(), name=f"feed-{source.device}")

    @property
    def ended(self) -> bool:
        """The recording is over."""
        return self._pump.done()

    async def until(self, at_ms: int) -> list[Item]:
        self._clock.advance_to(at_ms)
        if not self._pump.done():
            caught_up = asyncio.ensure_future(self._source.caught_up(at_ms))
            await asyncio.wait((caught_up, self._pump), return_when=asyncio.FIRST_COMPLETED)
            caught_up.cancel()
        if self._pump.done() and not self._pump.cancelled():
            self._pump.result()
        got, self._got = self._got, []
        return got

    async def _take_all(self) -> None:
        async for item in self._source.items():
            self._got.append(item)

    async def close(self) -> None:
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self._source.close()


class CameraFeed:
    """A camera: the model's own samples, and inside the drawn windows what vision makes of drawn pictures."""

    def __init__(
        self, device: str, model: RoadModel, start_ms: int, span_s: float, windows: Sequence[tuple[int, int]],
        draw: Callable[[int, int], SourceFeed],
    ) -> None:  # fmt: skip
        self.device = device
        self._model = model
        self._at_ms = start_ms
        self._span_s = span_s
        self._windows = sorted(windows)
        self._draw = draw
        self._drawing: SourceFeed | None = None

    async def until(self, at_ms: int) -> list[Item]:
        out: list[Item] = []
        while self._at_ms < at_ms:
            window = next((w for w in self._windows if w[0] <= self._at_ms < w[1]), None)
            if window is None:
                stop_ms = min([at_ms, *(start for start, _ in self._windows if start > self._at_ms)])
                out += self._modelled(stop_ms)
            else:
                stop_ms = min(at_ms, window[1])
                out += await self._drawn(window, stop_ms)
            self._at_ms = stop_ms
        return out

    def _modelled(self, stop_ms: int) -> list[TrafficSample]:
        samples = [s for d in self._model.directions for s in self._model.samples(d, self._at_ms, stop_ms, self._span_s)]
        return sorted(samples, key=lambda s: (s.at_ms, s.direction))

    async def _drawn(self, window: tuple[int, int], stop_ms: int) -> list[Item]:
        if self._drawing is None:
            self._drawing = self._draw(*window)
        items = await self._drawing.until(stop_ms)
        if stop_ms == window[1]:
            await self.close()
        return items

    async def close(self) -> None:
        if self._drawing is not None:
            await self._drawing.close()
            self._drawing = None


def split_by(readings: Readings, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Readings:
    """The readings where `mask` holds."""
    return Readings(readings.names, readings.name_index[mask], readings.at_ms[mask], readings.value[mask])


__all__ = ["AirFeed", "CameraFeed", "Fault", "Feed", "Frame", "SourceFeed", "newest_ms", "split_by"]
