"""Viewers of the live stream: each has a bounded queue, and whoever cannot keep up is let go and comes back by itself.

Message ids are `<run>-<partition>:<offset>` of the alarm event behind the message. They are good for this process only (`run`), because
another one has read the partitions in another order; whoever comes with an id nobody knows gets a snapshot.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

BEAT_S = 15.0
QUEUE_MESSAGES = 256
MOST_VIEWERS = 200
_REMEMBERED = 500
_LET_GO_S = 10.0
_BEAT = b": beat\n\nevent: beat\ndata: {}\n\n"


class Viewer:
    """One open stream."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_MESSAGES)
        self.gone = asyncio.Event()

    def offer(self, message: bytes) -> None:
        """Queue `message`; a full queue means that this viewer is too slow."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.gone.set()


class Hub:
    """Passes messages to viewers and remembers the newest ones that carry an id."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.dropped = 0
        self._run = secrets.token_hex(4)
        self._newest_id = f"{self._run}-start"
        self._remembered: deque[tuple[str, bytes]] = deque([(self._newest_id, b"")], maxlen=_REMEMBERED)

    def publish(self, event: str, body: object, position: str = "") -> None:
        """Send to every viewer. With a `position` (partition:offset) it can be resumed from."""
        if position:
            self._newest_id = f"{self._run}-{position}"
        message = framed(event, body, self._newest_id if position else "")
        if position:
            self._remembered.append((self._newest_id, message))
        self._send(message)

    def beat(self) -> None:
        """Shows viewers and proxies that the line is alive."""
        self._send(_BEAT)

    def join(self, last_id: str, snapshot: object, changes: object) -> Viewer:
        """A new viewer with what it missed since `last_id` and what is true now, or else with a snapshot."""
        viewer = Viewer()
        viewer.offer(b"retry: %d\n\n" % (1000 + secrets.randbelow(1000)))
        missed = self._after(last_id)
        if missed is None or len(missed) > QUEUE_MESSAGES // 2:
            viewer.offer(framed("snapshot", snapshot, self._newest_id))
        else:
            for message in missed:
                viewer.offer(message)
            viewer.offer(framed("sites", changes))
        self.viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)

    def close(self) -> None:
        """End every stream."""
        for viewer in self.viewers:
            viewer.gone.set()

    def _send(self, message: bytes) -> None:
        for viewer in tuple(self.viewers):
            viewer.offer(message)
            if viewer.gone.is_set():
                self.dropped += 1
                self.viewers.discard(viewer)

    def _after(self, last_id: str) -> list[bytes] | None:
        ids = [known for known, _ in self._remembered]
        if last_id not in ids:
            return None
        return [message for _, message in list(self._remembered)[ids.index(last_id) + 1 :]]


def framed(event: str, body: object, message_id: str = "") -> bytes:
    """A message as server-sent events are written; JSON has no raw line breaks."""
    head = f"id: {message_id}\n" if message_id else ""
    return f"{head}event: {event}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"


class EventStream(Response):
    """The response of one viewer. Ends when the viewer leaves, is too slow, or the hub closes."""

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
