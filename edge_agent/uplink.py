"""From the outbox to the broker, again and again until the bridge's word comes back.

At most `window_batches` are on their way: published, or waiting to be, and not acked by the bridge. What was not acked within
`resend_after_s` goes back into the queue, PUBACK or not, for a PUBACK is no promise of durability. What the broker itself refuses three
times (no right to write there, too large) is set aside and reported, so that it cannot block the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from city_model.clock import Clock
from city_model.codec import cloudevents
from city_model.events import Ack
from city_model.faults import Rejected, Unavailable
from city_model.topics import mqtt_topic, parse_mqtt_topic
from city_model.transport.port import Message, Transport
from edge_agent.counts import AgentCounts
from edge_agent.disk import Disk
from edge_agent.outbox import GAP_BOOT, Outbox
from edge_agent.segment_file import Kept
from edge_agent.settings import AgentSettings

log = logging.getLogger(__name__)
REFUSALS = 3
_LINK_LOOK_S = 0.2  # how often an absent link is looked at; the transport reconnects by itself
_decode_ack = msgspec.json.Decoder(Ack).decode


@dataclass(slots=True)
class _Flight:
    """A batch on its way since `since_s` (loop time)."""

    since_s: float
    task: asyncio.Task[None]


class Uplink:
    """`send` and `listen` run for ever; `wake` says that there is more; `settled` waits for acks. `sites`: carried device → site."""

    def __init__(
        self,
        settings: AgentSettings,
        sites: Mapping[str, str],
        transport: Transport,
        outbox: Outbox,
        disk: Disk,
        clock: Clock,
        counts: AgentCounts,
    ) -> None:
        self._settings, self._sites, self._transport = settings, sites, transport
        self._outbox, self._disk, self._clock, self._counts = outbox, disk, clock, counts
        self._flights: dict[int, _Flight] = {}
        self._again: set[int] = set()
        self._refusals: dict[int, int] = {}
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()

    def wake(self) -> None:
        """Something was accepted, or given up."""
        self._wake.set()
        self._progress.set()

    def ack_filters(self) -> list[str]:
        """Where the bridge's word on our devices arrives."""
        return [mqtt_topic(site, device, "ack") for device, site in self._sites.items()]

    async def settled(self, up_to_id: int) -> None:
        """Return when everything accepted up to `up_to_id` is stored, rejected or set aside."""
        while True:
            self._progress.clear()
            with contextlib.suppress(Unavailable):
                if not await self._disk(self._outbox.waits, up_to_id):
                    return
            await self._progress.wait()

    async def send(self) -> None:
        """Publish what waits, for ever."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                self._put_back_overdue(loop.time())
                room = self._settings.window_batches - len(self._flights)
                if not self._transport.connected:
                    await asyncio.sleep(_LINK_LOOK_S * random.uniform(0.5, 1.5))
                elif room <= 0 or not await self._launch(room, group):
                    await self._until_woken(loop.time())

    async def listen(self) -> None:
        """Take the bridge's acks, for ever."""
        while True:
            try:
                deliveries = await self._transport.receive(1000)
            except Unavailable:
                await asyncio.sleep(_LINK_LOOK_S)
                continue
            acks = [ack for d in deliveries if (ack := self._ack_of(d.message)) is not None]
            try:
                done = await self._disk(self._apply, acks)
            except Unavailable as err:
                log.warning("acks could not be noted, what they speak of is sent again: %s", err)
                continue
            for id_ in done:
                self._flights.pop(id_, None)
                self._again.discard(id_)
                self._refusals.pop(id_, None)
            for delivery in deliveries:
                delivery.ack()
            self._wake.set()
            self._progress.set()

    async def _launch(self, room: int, group: asyncio.TaskGroup) -> bool:
        """Start publishing up to `room` batches; False when there was nothing to send."""
        try:
            batches = await self._disk(self._outbox.pending, room, self._clock.now_ms(), set(self._flights))
        except Unavailable as err:
            log.warning("the outbox cannot be read: %s", err)
            return False
        now_s = asyncio.get_running_loop().time()
        for kept in batches:
            self._flights[kept.id] = _Flight(now_s, group.create_task(self._publish(kept)))
        return bool(batches)

    async def _publish(self, kept: Kept) -> None:
        try:
            await self._transport.publish(to_message(kept))
        except Unavailable:
            self._flights.pop(kept.id, None)
            self._again.add(kept.id)
        except Rejected as err:
            await self._refused(kept, err)
        else:
            self._counts.sent_batches += 1
            self._counts.resent_batches += kept.id in self._again
            self._again.discard(kept.id)

    async def _refused(self, kept: Kept, err: Rejected) -> None:
        """The broker will not have it: wait longer each time, then set it aside."""
        refusals = self._refusals[kept.id] = self._refusals.get(kept.id, 0) + 1
        if refusals < REFUSALS:
            await asyncio.sleep(self._settings.refused_wait_s * 2 ** (refusals - 1))
        else:
            log.warning("the broker refuses data of %s, set aside: %s", kept.event.device, err)
            try:
                await self._disk(self._outbox.set_aside, kept.id, str(err), self._clock.now_ms())
            except Unavailable:
                await asyncio.sleep(self._settings.refused_wait_s)  # the disk is full: it stays, and is tried again
            else:
                del self._refusals[kept.id]
                self._counts.set_aside = self._outbox.counts.aside_items
        self._flights.pop(kept.id, None)
        self._wake.set()
        self._progress.set()

    def _put_back_overdue(self, now_s: float) -> None:
        """What has been on its way too long waits in the queue again; what the broker refused waits for its own time."""
        overdue = [id_ for id_, flight in self._flights.items() if flight.since_s + self._settings.resend_after_s <= now_s]
        for id_ in overdue:
            if id_ not in self._refusals:
                self._flights.pop(id_).task.cancel()
                self._again.add(id_)

    async def _until_woken(self, now_s: float) -> None:
        oldest_s = min((f.since_s for f in self._flights.values()), default=now_s)
        wait_s = max(0.01, oldest_s + self._settings.resend_after_s - now_s)
        try:
            async with asyncio.timeout(min(wait_s, 1.0)):
                await self._wake.wait()
        except TimeoutError:
            return

    def _ack_of(self, message: Message) -> tuple[str, Ack] | None:
        try:
            _, device, _ = parse_mqtt_topic(message.topic)
            ack = _decode_ack(message.payload)
        except (Rejected, msgspec.DecodeError, RecursionError):
            self._counts.malformed_acks += 1
            return None
        if device not in self._sites or not all(0 <= r.first <= r.last < 2**53 for r in ack.ranges):
            self._counts.malformed_acks += 1
            return None
        return device, ack

    def _apply(self, acks: list[tuple[str, Ack]]) -> list[int]:
        """On the outbox's thread: ids of the batches that are done with."""
        done: list[int] = []
        for device, ack in acks:
            for one in ack.ranges:
                ids, items = self._outbox.acked(device, one)
                done += ids
                if one.boot.endswith(GAP_BOOT):
                    continue
                if one.verdict == "stored":
                    self._counts.stored += items
                elif items:
                    self._counts.rejected[one.reason] += items
        return done


def to_message(kept: Kept) -> Message:
    """A batch as it travels."""
    event = kept.event
    topic = f"city/v1/{event.site}/{event.device}/{kept.stream}"
    return Message(topic, event.data, event.content_type, cloudevents.attributes(event))
