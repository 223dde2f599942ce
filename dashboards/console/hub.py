"""Viewers of the live stream: each sees what its person may see, has a bounded queue, and comes back by itself where it left off.

Message ids are positions in the log: the next offset of each partition of `alarm-events`, `0:17,3:4`. So they are good at any process that
serves the page, after a restart too. Whoever comes with an id that is no such list, or is older than what is remembered, gets a snapshot.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dashboards.console.people import Person, Sight

BEAT_S = 15.0
QUEUE_MESSAGES = 256
MOST_VIEWERS = 500
_REMEMBERED = 500
_LET_GO_S = 10.0
_BEAT = b": beat\n\nevent: beat\ndata: {}\n\n"
_ID = re.compile(r"\d{1,4}:\d{1,18}(,\d{1,4}:\d{1,18}){0,999}")

Body = Callable[[Sight], object | None]
"""What of an event somebody with this sight is told; None: nothing."""


class Viewer:
    """One open stream of one person."""

    def __init__(self, person: Person, sight: Sight) -> None:
        self.person = person
        self.sight = sight
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_MESSAGES)
        self.gone = asyncio.Event()

    def offer(self, message: bytes) -> None:
        """Queue `message`; a full queue means that this viewer is too slow."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.gone.set()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A message that can be missed: where it stands in the log, what it says to whom, and the id after it."""

    partition: int
    offset: int
    event: str
    body: Body
    message_id: str


class Hub:
    """Passes messages to viewers and remembers the newest ones that have a position."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.dropped = 0
        self._next: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._kept: deque[_Kept] = deque()

    def begin(self, partition: int, offset: int) -> None:
        """The follower reads `partition` from `offset` on: what stands before it is not remembered."""
        self._next[partition] = self._first[partition] = offset

    def publish(self, event: str, body: Body, position: tuple[int, int] | None = None, *, live: bool = True) -> None:
        """Send to every viewer who sees it. With a `position` (partition, offset) it can be resumed from; not `live`: only that."""
        message_id = ""
        if position is not None:
            self._next[position[0]] = position[1] + 1
            message_id = self.newest_id
            self._remember(_Kept(*position, event, body, message_id))
        if not live:
            return
        framed_for: dict[Sight, bytes] = {}
        for viewer in tuple(self.viewers):
            message = framed_for.get(viewer.sight)
            if message is None:
                told = body(viewer.sight)
                message = framed_for[viewer.sight] = b"" if told is None else framed(event, told, message_id)
            if message:
                self._offer(viewer, message)

    def beat(self) -> None:
        """Shows viewers and proxies that the line is alive."""
        for viewer in tuple(self.viewers):
            self._offer(viewer, _BEAT)

    @property
    def newest_id(self) -> str:
        """The position of everything that has been read."""
        return ",".join(f"{p}:{offset}" for p, offset in sorted(self._next.items()) if offset > 0) or "0:0"

    def join(self, viewer: Viewer, last_id: str, snapshot: object, changes: object) -> None:
        """A viewer with what it missed since `last_id` and what is true now, or else with a snapshot."""
        viewer.offer(b"retry: %d\n\n" % (1000 + secrets.randbelow(1000)))
        missed = self._after(last_id, viewer.sight)
        if missed is None or len(missed) > QUEUE_MESSAGES // 2:
            viewer.offer(framed("snapshot", snapshot, self.newest_id))
        else:
            for message in missed:
                viewer.offer(message)
            viewer.offer(framed("sites", changes))
        self.viewers.add(viewer)

    def leave(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)

    def end(self, is_over: Callable[[Person], bool]) -> None:
        """End the streams of persons whose access is over."""
        for viewer in tuple(self.viewers):
            if is_over(viewer.person):
                viewer.gone.set()
                self.viewers.discard(viewer)

    def close(self) -> None:
        """End every stream."""
        for viewer in self.viewers:
            viewer.gone.set()

    def _offer(self, viewer: Viewer, message: bytes) -> None:
        viewer.offer(message)
        if viewer.gone.is_set():
            self.dropped += 1
            self.viewers.discard(viewer)

    def _remember(self, kept: _Kept) -> None:
        self._kept.append(kept)
        if len(self._kept) > _REMEMBERED:
            lost = self._kept.popleft()
            self._first[lost.partition] = lost.offset + 1

    def _after(self, last_id: str, sight: Sight) -> list[bytes] | None:
        seen = _positions(last_id)
        if seen is None or any(seen.get(p, 0) < first for p, first in self._first.items()):
            return None
        if any(offset > self._next.get(p, 0) for p, offset in seen.items()):
            return None  # of another log, or this process has not read so far yet
        missed = [kept for kept in self._kept if kept.offset >= seen.get(kept.partition, 0)]
        told = [(kept, kept.body(sight)) for kept in missed]
        return [framed(kept.event, body, kept.message_id) for kept, body in told if body is not None]


def _positions(last_id: str) -> Mapping[int, int] | None:
    if not _ID.fullmatch(last_id):
        return None
    return {int(p): int(offset) for p, offset in (pair.split(":") for pair in last_id.split(","))}


def framed(event: str, body: object, message_id: str = "") -> bytes:
    """A message as server-sent events are written; JSON has no raw line breaks."""
    head = f"id: {message_id}\n" if message_id else ""
    return f"{head}event: {event}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"


class EventStream(Response):
    """The response of one viewer. Ends when the viewer leaves, is too slow, may see no more, or the hub closes."""

    def __init__(self, hub: Hub, viewer: Viewer) -> None:
        super().__init__()
        self._hub = hub
        self._viewer = viewer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        tasks = [
            asyncio.create_task(self._pump(send)),
            asyncio.create_task(_left(receive)),
            asyncio.create_task(self._viewer.gone.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._viewer)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # Whoever does not read blocks this too; after a while the connection is simply given up.
        end = asyncio.create_task(_send_end(send))
        await asyncio.wait([end], timeout=_LET_GO_S)
        end.cancel()

    async def _pump(self, send: Send) -> None:
        while True:
            message = await self._viewer.queue.get()
            await send({"type": "http.response.body", "body": message, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})
