"""What devices do wrong in a story: late, silent, stuck, wrong clock; and messages sent twice."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from city_model.events import Readings, TrafficSample
from city_model.transport.port import Delivery, Message, Transport
from edge_agent.sources.port import Item
from simulators.feeds import Feed, newest_ms, split_by


@dataclass(frozen=True, slots=True)
class Span:
    """A fault and when, Unix ms, [from, to)."""

    kind: str
    from_ms: int
    to_ms: int
    hold_ms: int = 0
    offset_ms: int = 0
    share: float = 1.0

    def covers(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.to_ms


class FaultyFeed:
    """A feed with faults of its own device. The order of what it gives is the order in which it was measured."""

    def __init__(self, feed: Feed, spans: Sequence[Span]) -> None:
        self.device = feed.device
        self._feed = feed
        self._spans = spans
        self._held: deque[tuple[int, Item]] = deque()
        self._last: dict[str, float] = {}

    async def until(self, at_ms: int) -> list[Item]:
        for item in await self._feed.until(at_ms):
            for single in _singles(item):
                self._take(single)
        out: list[Item] = []
        while self._held and self._held[0][0] <= at_ms:
            out.append(self._held.popleft()[1])
        return out

    def _take(self, item: Item) -> None:
        at_ms = newest_ms(item)
        due_ms = at_ms
        for span in self._spans:
            if not span.covers(at_ms):
                continue
            if span.kind == "silent":
                return
            if span.kind == "delay":
                due_ms = at_ms + span.hold_ms
            elif span.kind == "clock":
                item = _shifted(item, span.offset_ms)
            elif span.kind == "stuck":
                item = self._stuck(item)
        if isinstance(item, Readings):
            self._last.update((item.names[i], v) for i, v in zip(item.name_index.tolist(), item.value.tolist(), strict=True))
        self._held.append((due_ms, item))

    def _stuck(self, item: Item) -> Item:
        if not isinstance(item, Readings):
            return item
        same = [self._last.get(item.names[i], v) for i, v in zip(item.name_index.tolist(), item.value.tolist(), strict=True)]
        return Readings(item.names, item.name_index, item.at_ms, np.array(same))

    async def close(self) -> None:
        await self._feed.close()


def _singles(item: Item) -> list[Item]:
    """Readings by their time, so that a fault can hit a part of a step."""
    if not isinstance(item, Readings):
        return [item]
    return [split_by(item, item.at_ms == at_ms) for at_ms in np.unique(item.at_ms)]


def _shifted(item: Item, offset_ms: int) -> Item:
    if isinstance(item, Readings):
        return Readings(item.names, item.name_index, item.at_ms + offset_ms, item.value)
    return msgspec.structs.replace(item, at_ms=item.at_ms + offset_ms) if isinstance(item, TrafficSample) else item


class RepeatingTransport:
    """Sends a share of some devices' messages twice: the copy `hold_ms` of city time later, when `repeat_due` is called."""

    def __init__(self, transport: Transport, spans: dict[str, list[Span]], seed: int) -> None:
        self._transport = transport
        self._spans = spans
        self._random = random.Random(seed)
        self._copies: list[tuple[int, Message]] = []
        self.now_ms = 0
        self.repeated = 0

    async def publish(self, message: Message) -> None:
        await self._transport.publish(message)
        device = message.topic.split("/")[3]
        if not message.topic.endswith("/telemetry"):
            return
        for span in self._spans.get(device, ()):
            if span.covers(self.now_ms) and self._random.random() < span.share:
                self._copies.append((self.now_ms + span.hold_ms, message))

    async def repeat_due(self, now_ms: int) -> None:
        """Move to `now_ms` and send the copies whose time has come."""
        self.now_ms = now_ms
        due = [message for at_ms, message in self._copies if at_ms <= now_ms]
        self._copies = [copy for copy in self._copies if copy[0] > now_ms]
        for message in due:
            await self._transport.publish(message)
            self.repeated += 1

    async def connect(self, client_id: str, *, will: Message | None = None) -> None:
        await self._transport.connect(client_id, will=will)

    async def subscribe(self, filters: Sequence[str]) -> None:
        await self._transport.subscribe(filters)

    async def receive(self, most: int) -> list[Delivery]:
        return await self._transport.receive(most)

    @property
    def connected(self) -> bool:
        return self._transport.connected

    async def close(self) -> None:
        await self._transport.close()
