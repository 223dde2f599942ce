"""MQTT 5 at QoS 1 with paho: manual acks, sessions that persist, reconnects with back-off and jitter.

paho's network loop runs in its own thread; what it hears is put into a deque and the event loop is woken once per burst,
so `receive` drains whole batches. Bounds: the broker may have `receive_maximum` deliveries un-acked at a time (it keeps the rest
and sends on as we ack), no packet above `MAX_PACKET_BYTES` is taken, and QoS 0 messages beyond twice the receive maximum are
dropped and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from city_model.faults import Rejected, Unavailable
from city_model.transport.credentials import Credentials
from city_model.transport.filters import check_topic
from city_model.transport.port import Delivery, Message, Transport
from city_model.transport.publish_packet import Publish, pack_properties, read_publish

RECEIVE_MAXIMUM = 1000
MAX_PACKET_BYTES = 2 * 1024 * 1024
KEEPALIVE_S = 15  # a half-open connection is noticed after 1.5 times this
SESSION_EXPIRY_S = 7 * 86_400
HANDSHAKE_S = 10.0
_IN_FLIGHT = 20  # publishes without PUBACK; paho scans its list of them, so more is slower. A broker may ask for fewer
_REFUSED_FOR_GOOD = {
    0x81,
    0x84,
    0x85,
    0x86,
    0x87,
    0x8A,
    0x90,
    0x95,
    0x99,
    0x9C,
}  # malformed, version, id, password, not authorized, banned …
_TAKEN_OVER = 0x8E


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker listens, and whether it speaks TLS."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


class _Packed(Properties):
    """Properties packed by us: paho needs 70 µs for an envelope."""

    def __init__(self, kind: int, packed: bytes) -> None:
        object.__setattr__(self, "packetType", kind)
        object.__setattr__(self, "_packed", packed)

    def pack(self) -> bytes:
        return bytes(self.__dict__["_packed"])


class _Client(paho.Client):
    """paho with our reader for PUBLISH, whose results go to `heard`."""

    heard: Callable[[Publish], None]

    def _handle_publish(self) -> MQTTErrorCode:
        try:
            publish = read_publish(self._in_packet["command"], bytes(self._in_packet["packet"]))
        except ValueError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self.heard(publish)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


@dataclass(frozen=True, slots=True)
class MqttDelivery:
    """A received message; `_link` counts connections, for a packet id means nothing on the next one."""

    message: Message
    _packet_id: int
    _link: int
    _transport: MqttTransport

    def ack(self) -> None:
        self._transport._ack(self._packet_id, self._link)


class MqttTransport:
    """A connection to an MQTT 5 broker."""

    def __init__(
        self,
        address: Address,
        credentials: Credentials | None = None,
        *,
        receive_maximum: int = RECEIVE_MAXIMUM,
        session_expiry_s: int = SESSION_EXPIRY_S,
    ) -> None:
        self.dropped_qos0 = 0
        self._address = address
        self._credentials = credentials
        self._receive_maximum = receive_maximum
        self._session_expiry_s = session_expiry_s
        self._client: _Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connected = False
        self._link = 0
        self._max_packet_bytes = MAX_PACKET_BYTES
        self._in_flight = _IN_FLIGHT
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._filters: dict[str, None] = {}
        self._inbound: deque[MqttDelivery] = deque()
        self._more = asyncio.Event()
        self._waking = False
        self._first: asyncio.Future[ReasonCode] | None = None
        self._publishing: dict[int, asyncio.Future[ReasonCode]] = {}
        self._subscribing: dict[int, asyncio.Future[list[ReasonCode]]] = {}

    # --- the port -----------------------------------------------------------------------------------------------------

    async def connect(self, client_id: str, *, will: Message | None = None) -> None:
        if self._client is not None:
            await self.close()
        self._loop = asyncio.get_running_loop()
        self._first = self._loop.create_future()
        client = self._client = self._make(client_id, will)
        where = self._address.host, self._address.port, KEEPALIVE_S
        try:
            # Mosquitto persists a session only when it was opened without clean start.
            await asyncio.to_thread(
                client.connect, *where, clean_start=False, properties=_session(self._receive_maximum, self._session_expiry_s)
            )
            client.loop_start()
            async with asyncio.timeout(HANDSHAKE_S):
                reason = await self._first
            _raise_for(reason, f"{self._address}: connection refused")
            self._slots = asyncio.Semaphore(self._in_flight)
        except (OSError, TimeoutError) as err:
            await self.close()
            raise Unavailable(f"{self._address}: {_words(err)}") from err
        except (Rejected, Unavailable, asyncio.CancelledError):
            await self.close()
            raise

    async def subscribe(self, filters: Sequence[str]) -> None:
        client, loop = self._reached()
        code, packet_id = client.subscribe(_options(filters))
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or packet_id is None:
            raise Unavailable(f"{self._address}: subscribe: {paho.error_string(code)}")
        granted = self._subscribing[packet_id] = loop.create_future()
        try:
            reasons = await granted
        finally:
            self._subscribing.pop(packet_id, None)
        for topic_filter, reason in zip(filters, reasons, strict=True):
            _raise_for(reason, f"{self._address}: subscription to {topic_filter}")
        self._filters.update(dict.fromkeys(filters))

    async def publish(self, message: Message) -> None:
        self._reached()
        async with self._slots:
            await self._publish(message)

    async def receive(self, most: int) -> list[Delivery]:
        while not self._inbound:
            if self._client is None:
                raise Unavailable(f"{self._address}: not connected")
            self._more.clear()
            await self._more.wait()
        batch: list[Delivery] = []
        with contextlib.suppress(IndexError):  # the network thread empties the deque when the connection is lost
            while len(batch) < most:
                batch.append(self._inbound.popleft())
        return batch or await self.receive(most)

    @property
    def connected(self) -> bool:
        return self._connected

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await self._ended(client)

    async def abort(self) -> None:
        """End as a process that dies does, without a word: the broker publishes the Will."""
        client, self._client = self._client, None
        if client is not None:
            stream = cast("socket.socket | None", client.socket())
            ended = asyncio.ensure_future(self._ended(client))
            await asyncio.sleep(0)
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.shutdown(socket.SHUT_RDWR)
            await ended

    # --- on the event loop --------------------------------------------------------------------------------------------

    async def _publish(self, message: Message) -> None:
        client, loop = self._reached()
        check_topic(message.topic)
        packed = _pack(PacketTypes.PUBLISH, message)
        size_bytes = len(message.payload) + len(message.topic.encode()) + len(packed.pack()) + 9  # fixed header, topic length, packet id
        if size_bytes > self._max_packet_bytes:
            raise Rejected("packet_too_large", f"{size_bytes} bytes on {message.topic}; the broker takes {self._max_packet_bytes}")
        info = client.publish(message.topic, message.payload, qos=1, retain=message.retain, properties=packed)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise Unavailable(f"{self._address}: publish: {paho.error_string(info.rc)}")
        acked = self._publishing[info.mid] = loop.create_future()
        try:
            reason = await acked
        finally:
            self._publishing.pop(info.mid, None)
        _raise_for(reason, f"{self._address}: {message.topic}")

    async def _ended(self, client: _Client) -> None:
        await asyncio.to_thread(client.loop_stop)
        self._on_lost("closed")
        self._inbound.clear()
        self._connected = False
        self._more.set()

    def _reached(self) -> tuple[_Client, asyncio.AbstractEventLoop]:
        if self._client is None or self._loop is None or not self._connected:
            raise Unavailable(f"{self._address}: not connected")
        return self._client, self._loop

    def _ack(self, packet_id: int, link: int) -> None:
        if packet_id and self._client is not None and self._connected and link == self._link:
            self._client.ack(packet_id, 1)

    def _on_lost(self, reason: str) -> None:
        waiting: list[asyncio.Future[Any]] = [*self._publishing.values(), *self._subscribing.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(Unavailable(f"{self._address}: connection lost ({reason})"))

    def _wake(self) -> None:
        self._waking = False
        self._more.set()

    # --- on paho's network thread -------------------------------------------------------------------------------------

    def _make(self, client_id: str, will: Message | None) -> _Client:
        client = _Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True)
        client.connect_timeout = HANDSHAKE_S
        _back_off(client, 0.05, 0.1)  # until the first success nobody waits to be let in again
        if self._credentials is not None:
            client.username_pw_set(self._credentials.user, self._credentials.password)
        if self._address.tls:
            authority = self._credentials.ca_file if self._credentials else ""
            client.tls_set_context(ssl.create_default_context(cafile=authority or None))
        if will is not None:
            client.will_set(will.topic, will.payload, 1, will.retain, _pack(PacketTypes.WILLMESSAGE, will))
        client.heard = self._heard
        client.on_connect = self._linked
        client.on_disconnect = self._unlinked
        client.on_publish = lambda _c, _u, mid, reason, _p: self._tell(_settle, self._publishing, mid, reason)
        client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._tell(_settle, self._subscribing, mid, reasons)
        return client

    def _linked(self, client: paho.Client, _data: object, _flags: object, reason: ReasonCode, properties: Properties | None) -> None:
        if not reason.is_failure:
            client.drop_out_messages()  # their publishers were told that the connection was lost; they decide
            self._in_flight = min(_IN_FLIGHT, getattr(properties, "ReceiveMaximum", _IN_FLIGHT))
            self._max_packet_bytes = min(MAX_PACKET_BYTES, getattr(properties, "MaximumPacketSize", MAX_PACKET_BYTES))
            _back_off(client, 0.5, 1.5)
            self._link += 1
            self._connected = True
            if self._filters:
                client.subscribe(_options(list(self._filters)))
        self._tell(_first, self._first, reason)

    def _unlinked(self, client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _properties: Properties | None) -> None:
        self._connected = False
        self._inbound.clear()  # un-acked, so all of it comes again
        if reason.value == _TAKEN_OVER:
            _back_off(client, 10, 20)  # two clients with one id must not throw each other out all the time
        self._tell(self._on_lost, str(reason))

    def _heard(self, publish: Publish) -> None:
        if publish.qos == 0 and len(self._inbound) >= 2 * self._receive_maximum:
            self.dropped_qos0 += 1
            return
        message = Message(publish.topic, publish.payload, publish.content_type, publish.properties, publish.retain)
        self._inbound.append(MqttDelivery(message, publish.packet_id, self._link, self))
        if not self._waking:
            self._waking = True
            self._tell(self._wake)

    def _tell(self, what: Callable[..., None], *args: object) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(what, *args)


def _settle(waiting: dict[int, asyncio.Future[Any]], packet_id: int, answer: object) -> None:
    future = waiting.get(packet_id)
    if future is not None and not future.done():
        future.set_result(answer)


def _first(future: asyncio.Future[ReasonCode] | None, reason: ReasonCode) -> None:
    if future is not None and not future.done():
        future.set_result(reason)


def _raise_for(reason: ReasonCode, what: str) -> None:
    """Refusals that repeating cannot change are Rejected; a quota, a busy broker and unnamed errors may pass."""
    if reason.value < 0x80:
        return
    if reason.value in _REFUSED_FOR_GOOD:
        raise Rejected(str(reason).lower().replace(" ", "_"), what)
    raise Unavailable(f"{what}: {reason}")


def _pack(kind: int, message: Message) -> _Packed:
    try:
        return _Packed(kind, pack_properties(message.content_type, message.properties))
    except ValueError as err:
        raise Rejected("packet_too_large", f"{message.topic}: {err}") from err


def _session(receive_maximum: int, expiry_s: int) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's class is untyped
    properties.SessionExpiryInterval = expiry_s
    properties.ReceiveMaximum = receive_maximum
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    return properties


def _options(filters: Sequence[str]) -> list[tuple[str, SubscribeOptions]]:
    """QoS 1; retained messages only when the subscription is new, so a reconnect does not bring them all again."""
    return [(f, SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)) for f in filters]


def _back_off(client: paho.Client, low_s: float, high_s: float) -> None:
    """paho doubles the first wait up to the last; both are drawn anew, so that a thousand agents do not come back at once."""
    first_s, last_s = random.uniform(low_s, high_s), random.uniform(20, 40)
    client.reconnect_delay_set(first_s, last_s)  # type: ignore[arg-type]  # it sleeps fractions too


def _words(err: OSError) -> str:
    return err.strerror or str(err) or f"no answer within {HANDSHAKE_S:g} s"


_: type[Transport] = MqttTransport
