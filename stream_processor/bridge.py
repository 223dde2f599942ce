"""The bridge: MQTT → log. A message is acked to the broker, and its sender told, only after the log has it or its dead letter.

Whole batches travel together: what the transport has is taken in, appended in one call per topic, answered with one `Ack` per
device, and acked. When the log is away nothing is acked, so the broker holds back and the outboxes at the edge grow; at most
`BATCH` messages are in memory. A crash between append and ack makes duplicates, which the core drops by (device, boot, seq).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from city_model.clock import Clock
from city_model.events import Ack, AckRange, DeadLetter, Event, EventType
from city_model.faults import Rejected, Unavailable
from city_model.registry import City
from city_model.topics import DEAD_LETTER, DEFAULT_PARTITIONS, FRAMES, INPUTS, LOG_TOPICS, partition_of
from city_model.transport.port import Delivery, Message, Transport
from stream_processor.bridge_intake import intake
from stream_processor.bridge_parts import Taken
from stream_processor.logs.port import EventLog, Record
from stream_processor.logs.records import to_record

log = logging.getLogger(__name__)

BATCH = 256
"""Messages taken at a time, and what the transport should be opened with as its receive maximum: with frames of 256 KiB, 64 MiB."""
STREAMS = ("telemetry", "frame", "event", "status")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 10.0
_encode = msgspec.json.Encoder().encode

Rows = dict[str, list[tuple[int, Record]]]


@dataclass(slots=True)
class BridgeCounts:
    """What the bridge has done since it started. `stored` counts log records, `items` the readings, samples and frames in them."""

    received: int = 0
    stored: int = 0
    items: int = 0
    acks: int = 0
    acks_unsent: int = 0
    log_retries: int = 0
    batches: int = 0
    busy_s: float = 0.0
    log_away: str = ""
    """Why the log takes nothing now; empty while it does."""
    dead_lettered: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


async def run_bridge(
    transport: Transport,
    event_log: EventLog,
    city_source: Callable[[], City],
    clock: Clock,
    stop: asyncio.Event,
    *,
    client_id: str = "bridge",
    share: str = "",
    counts: BridgeCounts | None = None,
    ready: asyncio.Event | None = None,
) -> BridgeCounts:
    """Carry messages until `stop`. `transport` is not yet connected and is closed at the end; several bridges name the same `share` group.

    `ready` is set once the subscriptions stand: what is published before the first of them reaches nobody.
    Raises Unavailable when broker or log cannot be reached at the start; afterwards it waits for them.
    """
    bridge = _Bridge(transport, event_log, city_source, clock, stop, counts or BridgeCounts())
    await bridge.prepare()
    await transport.connect(client_id)
    try:
        prefix = f"$share/{share}/" if share else ""
        await transport.subscribe([f"{prefix}city/v1/+/+/{stream}" for stream in STREAMS])
        log.info("bridge started")
        if ready is not None:
            ready.set()
        while (batch := await bridge.next_batch()) is not None:
            begun_s = time.monotonic()
            await bridge.carry(batch)
            bridge.counts.batches += 1
            bridge.counts.busy_s += time.monotonic() - begun_s
    finally:
        await transport.close()
        log.info("bridge stopped", extra=bridge.counts.as_dict())
    return bridge.counts


class _Bridge:
    """One running bridge."""

    def __init__(
        self,
        transport: Transport,
        event_log: EventLog,
        city_source: Callable[[], City],
        clock: Clock,
        stop: asyncio.Event,
        counts: BridgeCounts,
    ) -> None:
        self.counts = counts
        self._transport = transport
        self._log = event_log
        self._city_source = city_source
        self._clock = clock
        self._stop = stop
        self._partitions: dict[str, int] = {}

    async def prepare(self) -> None:
        """Learn the partition counts; make the topics where nobody has yet."""
        try:
            await self._log.partitions(INPUTS)
        except Rejected:
            await self._log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
        self._partitions = {topic: await self._log.partitions(topic) for topic in (INPUTS, FRAMES, DEAD_LETTER)}

    async def next_batch(self) -> list[Delivery] | None:
        """What has come in, at least one; None when it is time to stop."""
        receiving = asyncio.ensure_future(self._transport.receive(BATCH))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((receiving, stopping), return_when=asyncio.FIRST_COMPLETED)
            return None if self._stop.is_set() else receiving.result()
        finally:
            for task in (receiving, stopping):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Unavailable):
                await receiving  # un-acked, whatever it still got comes again

    async def carry(self, batch: Sequence[Delivery]) -> None:
        """One batch, from the transport into the log and back to the senders."""
        city, now_ms = self._city_source(), self._clock.now_ms()
        self.counts.received += len(batch)
        rows: Rows = defaultdict(list)
        answers: dict[str, list[AckRange]] = defaultdict(list)
        for delivery in batch:
            topic = delivery.message.topic
            taken = intake(delivery.message, city, now_ms)
            self._sort(taken, topic, city, now_ms, rows)
            if taken.ranges:
                answers[topic.rpartition("/")[0]] += taken.ranges
        for log_topic, records in rows.items():
            if not await self._append(log_topic, records):
                return
        await asyncio.gather(*(self._answer(place, ranges) for place, ranges in answers.items()))
        for delivery in batch:
            delivery.ack()

    def _sort(self, taken: Taken, topic: str, city: City, now_ms: int, rows: Rows) -> None:
        """Into records of the log: events by the partition of their area, dead letters beside them."""
        for log_topic, event in taken.events:
            rows[log_topic].append((partition_of(event.area, self._partitions[log_topic]), to_record(event)))
        for letter in taken.dead:
            self.counts.dead_lettered[letter.code] += 1
            area = _area(topic, city)
            record = to_record(_dead_event(letter, area, now_ms))
            rows[DEAD_LETTER].append((partition_of(area, self._partitions[DEAD_LETTER]), record))
        self.counts.items += taken.items

    async def _append(self, log_topic: str, records: Sequence[tuple[int, Record]]) -> bool:
        """Until the log has them; False when we are told to stop first."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                await self._log.append(log_topic, records)
            except Unavailable as err:
                if wait_s == _FIRST_WAIT_S:
                    log.warning("the log is away, nothing is acked until it is back: %s", err)
                self.counts.log_retries += 1
                self.counts.log_away = str(err)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), wait_s * random.uniform(0.5, 1.5))
                if self._stop.is_set():
                    return False
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            else:
                self.counts.stored += len(records)
                self.counts.log_away = ""
                return True

    async def _answer(self, place: str, ranges: Sequence[AckRange]) -> None:
        """Tell a device. If the broker is away or refuses, the sender asks again by sending again."""
        message = Message(f"{place}/ack", _encode(Ack(merged(ranges))), "application/json")
        try:
            await self._transport.publish(message)
            self.counts.acks += 1
        except (Unavailable, Rejected):
            self.counts.acks_unsent += 1


def merged(ranges: Sequence[AckRange]) -> tuple[AckRange, ...]:
    """Neighbouring ranges of one boot and verdict as one; the order is kept."""
    out: list[AckRange] = []
    for one in ranges:
        last = out[-1] if out else None
        same = last is not None and (last.boot, last.verdict, last.reason) == (one.boot, one.verdict, one.reason)
        if last is not None and same and last.first <= one.first <= last.last + 1:
            out[-1] = AckRange(last.boot, last.first, max(last.last, one.last), last.verdict, last.reason)
        else:
            out.append(one)
    return tuple(out)


def _area(topic: str, city: City) -> str:
    """Area of the device a message came from; empty for who is not in the registry."""
    device = [*topic.split("/"), "", "", "", ""][3]
    return city.area_of(device) if device in city.devices else ""


def _dead_event(letter: DeadLetter, area: str, now_ms: int) -> Event:
    return Event(EventType.DEAD_LETTER, "saola", "bridge", "", -1, 1, now_ms, "application/json", _encode(letter), area, now_ms)
