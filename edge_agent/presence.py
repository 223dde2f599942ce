"""What the agent says about itself and its devices: retained status, a heartbeat, and the Will that speaks when it cannot."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from city_model import __version__
from city_model.clock import Clock
from city_model.codec import cloudevents
from city_model.events import Event, EventType, Status
from city_model.faults import Rejected, Unavailable
from city_model.topics import mqtt_topic
from city_model.transport.port import Message, Transport
from edge_agent.settings import AgentSettings

log = logging.getLogger(__name__)
_LOOK_S = 0.5  # how often the link is looked at: after a reconnect the Will has to be contradicted
_LONGEST_RETRY_S = 30.0


class Presence:
    """`sites` maps the carried devices, the agent itself among them, to their sites; `describe` gives the agent's own status now."""

    def __init__(
        self, settings: AgentSettings, sites: Mapping[str, str], transport: Transport, clock: Clock, describe: Callable[[], Status]
    ) -> None:
        self._settings, self._sites, self._transport, self._clock = settings, sites, transport, clock
        self._describe = describe
        self._wanted: dict[str, Status] = {}
        self._said: dict[str, Status] = {}
        self._changed = asyncio.Event()

    async def connect(self, filters: list[str]) -> None:
        """Connect and subscribe, however long it takes; afterwards the transport reconnects by itself."""
        wait_s, said = 0.5, ""
        will = self._message(self._settings.id, Status("offline", self._clock.now_ms(), version=__version__))
        while True:
            try:
                await self._transport.connect(self._settings.id, will=will)
                await self._transport.subscribe(filters)
            except (Unavailable, Rejected) as err:
                wait_s = _LONGEST_RETRY_S if isinstance(err, Rejected) else min(2 * wait_s, _LONGEST_RETRY_S)
                if str(err) != said:
                    log.warning("not connected, the outbox keeps everything: %s", err)
                said = str(err)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))
            else:
                log.info("connected as %s", self._settings.id)
                return

    def say(self, device: str, state: Literal["online", "offline", "fault"], detail: str = "") -> None:
        """A device's state changed; it is published when there is a link."""
        self._wanted[device] = Status(state, self._clock.now_ms(), detail=detail)
        self._changed.set()

    def is_faulty(self, device: str) -> bool:
        """Whether the last word on a device was a fault."""
        return device in self._wanted and self._wanted[device].state == "fault"

    async def run(self) -> None:
        """Publish status, for ever: at once after each connect, every `heartbeat_s`, and when something changes."""
        loop = asyncio.get_running_loop()
        next_s = 0.0
        while True:
            self._changed.clear()
            try:
                if not self._transport.connected:
                    self._said.clear()
                    next_s = 0.0
                elif loop.time() >= next_s:
                    await self._transport.publish(self._message(self._settings.id, self._describe()))
                    next_s = loop.time() + self._settings.heartbeat_s
                await self._say_changes()
            except Unavailable:
                next_s = 0.0
            except Rejected as err:
                log.warning("the broker refuses our status: %s", err)
                next_s = loop.time() + self._settings.heartbeat_s
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def leave(self) -> None:
        """Say offline ourselves: a clean close publishes no Will."""
        if self._transport.connected:
            status = Status("offline", self._clock.now_ms(), version=__version__, detail="stopped")
            try:
                await self._transport.publish(self._message(self._settings.id, status))
            except (Unavailable, Rejected) as err:
                log.info("could not say goodbye: %s", err)

    async def _say_changes(self) -> None:
        if not self._transport.connected:
            return
        for device, status in list(self._wanted.items()):
            if self._said.get(device) != status:
                self._said[device] = status  # also when it is refused: not again until it changes
                try:
                    await self._transport.publish(self._message(device, status))
                except Unavailable:
                    del self._said[device]
                    raise

    def _message(self, device: str, status: Status) -> Message:
        site = self._sites[device]
        data = msgspec.json.encode(status)
        event = Event(EventType.STATUS, site, device, "", -1, 1, status.at_ms, "application/json", data)
        return Message(mqtt_topic(site, device, "status"), data, event.content_type, cloudevents.attributes(event), retain=True)
