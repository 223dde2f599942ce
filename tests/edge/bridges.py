"""A small bridge for tests: takes what arrives, keeps it, and sends application acks the way the real one does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from city_model.codec import cloudevents
from city_model.events import Ack, AckRange, Event
from city_model.topics import mqtt_topic
from city_model.transport.local import LocalBroker
from city_model.transport.port import Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Verdict = Callable[[Event], AckRange | None]


def store(event: Event) -> AckRange:
    """Every event is stored."""
    return AckRange(event.boot, event.seq, event.seq + event.count - 1, "stored")


class Bridge:
    """`events` in the order of arrival; `verdict` None means no ack."""

    def __init__(self, verdict: Verdict = store) -> None:
        self.verdict = verdict
        self.events: list[Event] = []
        self.more = asyncio.Event()

    async def run(self, broker: LocalBroker) -> None:
        transport = broker.client()
        await transport.connect("bridge")
        await transport.subscribe([f"city/v1/+/+/{stream}" for stream in ("telemetry", "frame", "event")])
        while True:
            for delivery in await transport.receive(100):
                message = delivery.message
                event = cloudevents.from_attributes(message.properties, message.content_type, message.payload)
                self.events.append(event)
                self.more.set()
                verdict = self.verdict(event)
                if verdict is not None:
                    ack = msgspec.json.encode(Ack((verdict,)))
                    await transport.publish(Message(mqtt_topic(event.site, event.device, "ack"), ack))
                delivery.ack()

    async def until(self, wanted: Callable[[Bridge], bool]) -> None:
        """Return when `wanted(self)` holds; looked at after each event."""
        while not wanted(self):
            self.more.clear()
            await self.more.wait()

    def items(self, device: str) -> Iterator[tuple[str, int]]:
        """(boot, seq) of every item of a device, in the order of arrival."""
        for event in self.events:
            if event.device == device:
                yield from ((event.boot, seq) for seq in range(event.seq, event.seq + event.count))


@asynccontextmanager
async def running(bridge: Bridge, broker: LocalBroker) -> AsyncIterator[Bridge]:
    """`bridge` at work, stopped at the end."""
    task = asyncio.create_task(bridge.run(broker))
    try:
        yield bridge
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
