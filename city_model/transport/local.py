"""A broker in this process: the same meaning as MQTT 5 at QoS 1, for runs without a server and for tests.

One `LocalBroker` per city, one `client()` per connection. Sessions live by client id: what was delivered and not acked comes again
after a reconnect, in order. Everything happens on one event loop; nothing is copied, so messages must not be changed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from city_model.faults import Rejected, Unavailable
from city_model.transport.filters import check_topic, matches, split_share
from city_model.transport.port import Delivery, Message, Transport

Access = Callable[[str, Literal["read", "write"], str], bool]
"""(user, "read" or "write", topic) → allowed. As in Mosquitto a denied subscription is granted and denied at delivery."""

MAX_PAYLOAD_BYTES = 1024 * 1024  # above city_model.topics.MAX_PAYLOAD_BYTES, as the real broker's limit is
MAX_WAITING_MESSAGES = 100_000  # per session; what comes on top is dropped and counted, as Mosquitto does (max_queued_messages)
RECEIVE_MAXIMUM = 1000  # deliveries of one session that may be un-acked at a time


def _everything(user: str, access: Literal["read", "write"], topic: str) -> bool:
    return True


@dataclass(slots=True, eq=False)
class _Session:
    """What the broker keeps of one client id, connected or not."""

    user: str
    filters: set[str] = field(default_factory=set)
    waiting: deque[Message] = field(default_factory=deque)
    flying: dict[int, Message] = field(default_factory=dict)
    client: LocalTransport | None = None
    delivered: int = 0


class LocalBroker:
    """Sessions, subscriptions and retained messages. `up` False plays a broker that is away."""

    def __init__(
        self, may: Access = _everything, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES, max_waiting: int = MAX_WAITING_MESSAGES
    ) -> None:
        self.dropped = 0
        self.up = True
        self._may = may
        self._max_payload_bytes = max_payload_bytes
        self._max_waiting = max_waiting
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, Message] = {}
        self._groups: dict[str, deque[_Session]] = {}
        self._routes: dict[str, tuple[list[_Session], list[str]]] = {}

    def client(self, user: str = "") -> LocalTransport:
        """A new connection of `user`, not yet connected."""
        return LocalTransport(self, user)

    def stop(self) -> None:
        """Go away: clients lose their connection, sessions and retained messages stay."""
        self.up = False
        for session in self._sessions.values():
            if session.client is not None:
                session.client._lost()

    def start(self) -> None:
        """Come back: clients that had a connection have it again, and what they had not acked comes again."""
        self.up = True
        for session in self._sessions.values():
            if session.client is not None:
                session.client._restored(session)

    def _open(self, client_id: str, client: LocalTransport, will: Message | None) -> _Session:
        if not self.up:
            raise Unavailable("local broker: is down")
        session = self._sessions.setdefault(client_id, _Session(client.user))
        if session.client is not None and session.client is not client:
            session.client._cut()
        session.client = client
        client.will = will
        client._restored(session)
        return session

    def _accept(self, user: str, message: Message) -> None:
        if len(message.payload) > self._max_payload_bytes:
            raise Rejected(
                "packet_too_large", f"{len(message.payload)} bytes on {message.topic}; the broker takes {self._max_payload_bytes}"
            )
        check_topic(message.topic)
        if not self._may(user, "write", message.topic):
            raise Rejected("not_authorized", f"{user or 'anonymous'} may not write {message.topic}")
        live = message
        if message.retain:
            self._retained.pop(message.topic, None)
            if message.payload:
                self._retained[message.topic] = message
            live = Message(message.topic, message.payload, message.content_type, message.properties)
        plain, shared = self._route(message.topic)
        for session in plain:
            self._enqueue(session, live)
        for subscription in shared:
            self._enqueue(self._next_member(subscription), live)

    def _publish_will(self, user: str, will: Message) -> None:
        try:
            self._accept(user, will)
        except Rejected:
            self.dropped += 1  # nobody is left to be told

    def _route(self, topic: str) -> tuple[list[_Session], list[str]]:
        """(sessions that get it, shared subscriptions of which one member gets it), remembered until somebody subscribes."""
        if topic not in self._routes:
            if len(self._routes) > 100_000:
                self._routes.clear()
            plain = [s for s in self._sessions.values() if any(matches(f, topic) for f in s.filters)]
            self._routes[topic] = plain, [name for name in self._groups if matches(split_share(name)[1], topic)]
        return self._routes[topic]

    def _next_member(self, subscription: str) -> _Session:
        """Members of a group take turns; the ones that are away only get what nobody else can take."""
        members = self._groups[subscription]
        for _ in range(len(members)):
            members.rotate(-1)
            if members[-1].client is not None and members[-1].client.connected:
                return members[-1]
        return members[-1]

    def _enqueue(self, session: _Session, message: Message) -> None:
        if not self._may(session.user, "read", message.topic):
            return
        if len(session.waiting) >= self._max_waiting:
            self.dropped += 1
            return
        session.waiting.append(message)
        if session.client is not None:
            session.client._more.set()

    def _subscribe(self, session: _Session, subscription: str) -> None:
        group, topic_filter = split_share(subscription)
        self._routes.clear()
        if group:
            members = self._groups.setdefault(subscription, deque())
            if session not in members:
                members.append(session)
            return
        if topic_filter in session.filters:
            return
        session.filters.add(topic_filter)
        for message in list(self._retained.values()):
            if matches(topic_filter, message.topic):
                self._enqueue(session, message)


@dataclass(frozen=True, slots=True)
class LocalDelivery:
    """A message on its way; `number` counts the session's deliveries."""

    message: Message
    number: int
    _session: _Session
    _client: LocalTransport
    _link: int

    def ack(self) -> None:
        if self._client._link != self._link:
            return  # of an earlier connection: it comes again
        if self._session.flying.pop(self.number, None) is not None:
            self._client._more.set()


class LocalTransport:
    """A connection to a `LocalBroker`."""

    def __init__(self, broker: LocalBroker, user: str, *, receive_maximum: int = RECEIVE_MAXIMUM) -> None:
        self.user = user
        self.will: Message | None = None
        self._broker = broker
        self._receive_maximum = receive_maximum
        self._session: _Session | None = None
        self._connected = False
        self._link = 0
        self._more = asyncio.Event()

    async def connect(self, client_id: str, *, will: Message | None = None) -> None:
        self._session = self._broker._open(client_id, self, will)

    async def subscribe(self, filters: Sequence[str]) -> None:
        for subscription in filters:
            self._broker._subscribe(self._reached(), subscription)

    async def publish(self, message: Message) -> None:
        self._reached()
        self._broker._accept(self.user, message)
        await asyncio.sleep(0)  # a busy publisher must not keep the loop to itself

    async def receive(self, most: int) -> list[Delivery]:
        while True:
            session = self._session
            if session is None:
                raise Unavailable("local transport: not connected")
            room = min(most, self._receive_maximum - len(session.flying)) if self._connected else 0
            if room > 0 and session.waiting:
                return [self._deliver(session) for _ in range(min(room, len(session.waiting)))]
            self._more.clear()
            await self._more.wait()

    @property
    def connected(self) -> bool:
        return self._connected

    async def close(self) -> None:
        self._leave()

    async def abort(self) -> None:
        """End as a process that dies does: the broker publishes the Will."""
        self._cut()

    def _cut(self) -> None:
        will = self.will if self._connected else None
        self._leave()
        if will is not None:
            self._broker._publish_will(self.user, will)

    def _leave(self) -> None:
        if self._session is not None and self._session.client is self:
            self._session.client = None
        self._session, self.will = None, None
        self._lost()

    def _lost(self) -> None:
        self._connected = False
        self._more.set()

    def _restored(self, session: _Session) -> None:
        """A new connection: what was un-acked comes again first, in order."""
        session.waiting.extendleft(reversed(session.flying.values()))
        session.flying.clear()
        self._link += 1
        self._connected = True
        self._more.set()

    def _deliver(self, session: _Session) -> Delivery:
        session.delivered += 1
        message = session.waiting.popleft()
        session.flying[session.delivered] = message
        return LocalDelivery(message, session.delivered, session, self, self._link)

    def _reached(self) -> _Session:
        if self._session is None or not self._connected:
            raise Unavailable("local broker: not connected")
        return self._session


_: type[Transport] = LocalTransport
