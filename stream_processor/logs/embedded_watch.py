"""Reading the embedded log: one thread for all readers, and how a reader that waits learns that its partition has grown."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

from city_model.faults import Unavailable
from stream_processor.logs.embedded_chain import Chain
from stream_processor.logs.embedded_schema import failures_of
from stream_processor.logs.embedded_writes import Heads, Place

T = TypeVar("T")


class Watch:
    """Knows every partition's head. Writes of this process are told to it at once; those of others it sees by looking every `poll_s`,
    which costs one pragma while nothing happens, and only while somebody waits."""

    def __init__(self, chain: Chain, poll_s: float) -> None:
        self._chain = chain
        self._poll_s = poll_s
        self._thread = ThreadPoolExecutor(1, "log-read")
        self._heads: Heads = {}
        self._waiting: dict[Place, set[asyncio.Future[None]]] = defaultdict(set)
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    async def ask(self, question: Callable[[Chain], T]) -> T:
        """Run a question in the reading thread. Raises Unavailable."""
        if self._closed:
            raise Unavailable(f"log: {self._chain.directory}: closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)

    def head(self, place: Place) -> int:
        """The next offset of a partition, as far as is known here."""
        return self._heads.get(place, 0)

    def note(self, heads: Heads) -> None:
        """These partitions have grown to these next offsets."""
        for place, head in heads.items():
            if head > self._heads.get(place, 0):
                self._heads[place] = head
                self._wake(place)

    async def refresh(self) -> None:
        """See what other processes have written."""
        if heads := await self.ask(Chain.changed_heads):
            self.note(heads)

    async def grown(self, place: Place, offset: int, wait_s: float) -> bool:
        """Wait until the partition's head is past `offset`; False when that does not happen within `wait_s`."""
        if self.head(place) <= offset and wait_s > 0 and not self._closed:
            if self._poller is None or self._poller.done():
                self._poller = asyncio.create_task(self._poll())
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[place].add(future)
            try:
                await asyncio.wait([future], timeout=wait_s)
            finally:
                self._waiting[place].discard(future)
            if future.done():
                future.result()  # raises what the poller met
        return self.head(place) > offset

    async def close(self) -> None:
        """Let everybody who waits go, and close the files."""
        self._closed = True
        if self._poller:
            await asyncio.wait([self._poller])
        for place in self._waiting:
            self._wake(place)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._chain.close)
        self._thread.shutdown()

    async def _poll(self) -> None:
        while any(self._waiting.values()) and not self._closed:
            await asyncio.sleep(self._poll_s)
            if self._closed:
                return
            try:
                await self.refresh()
            except Unavailable as err:
                self._fail(err)

    def _wake(self, place: Place) -> None:
        for future in self._waiting[place]:
            if not future.done():
                future.set_result(None)

    def _fail(self, err: Unavailable) -> None:
        for future in chain.from_iterable(self._waiting.values()):
            if not future.done():
                future.set_exception(err)

    def _answer(self, question: Callable[[Chain], T]) -> T:
        with failures_of(self._chain.directory):
            return question(self._chain)
