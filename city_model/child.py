"""Work that may die: a Python function in a process of its own, with messages both ways.

The function is named "module:function" and is called in the child as `function(parent, argument)`, where `parent` is a `Parent`.
Messages are msgpack (numbers, text, bytes, lists, dicts) over one socket pair, length-prefixed; nothing is pickled, and nothing
but the function's name stands in the command line, so a URL with a password may be part of the argument.

The child has a session of its own (Ctrl-C of a terminal does not reach it), ends when the parent does, and is killed by its own
process id only.
An import of numpy and OpenCV makes it start in about 0.4 s and weigh about 55 MB; without them 0.1 s and 15 MB. Many children that need
the same imports come from a `Nursery`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import select
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import msgspec

from city_model.faults import Unavailable
from city_model.nursery import Born, Nursery

_LENGTH = struct.Struct("<I")
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""A frame is below 256 KiB; this bounds what a child gone mad can make the parent hold."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class ChildDied(Unavailable):
    """The child is gone. `exit_code` is negative for a signal (-6: abort), 0 when the function returned."""

    def __init__(self, target: str, exit_code: int) -> None:
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        super().__init__(f"child {target} ended with {how}")
        self.exit_code = exit_code


class Child:
    """The parent's end. `start`, then `send` and `receive`, then `stop` (always)."""

    def __init__(self, target: str, argument: object, *, env: Mapping[str, str] | None = None, nursery: Nursery | None = None) -> None:
        """`env` is added to the environment; a child of a `nursery` has the nursery's."""
        self._target = target
        self._nursery = nursery
        self._argument = argument
        self._env = dict(env or {})
        self._process: asyncio.subprocess.Process | Born | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it was started and not stopped."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process and hand it the argument. Raises Unavailable when the system cannot start one."""
        ours, theirs = socket.socketpair()
        try:
            self._process = await self._born(theirs)
        except Unavailable:
            ours.close()
            raise
        finally:
            theirs.close()
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        await self.send(self._argument)

    async def _born(self, theirs: socket.socket) -> asyncio.subprocess.Process | Born:
        if self._nursery is not None:
            return await self._nursery.spawn(self._target, theirs)
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "city_model.child", self._target, str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True, env={**os.environ, **self._env},
            )  # fmt: skip
        except OSError as err:
            raise Unavailable(f"cannot start a child process: {err.strerror}") from err

    async def send(self, message: object) -> None:
        """Hand over a message; waits while the child does not read. Raises ChildDied."""
        if self._writer is None:
            raise ChildDied(self._target, 0)
        data = _encode(message)
        try:
            self._writer.write(_LENGTH.pack(len(data)) + data)
            await self._writer.drain()
        except ConnectionError as err:
            raise ChildDied(self._target, await self._exit_code()) from err

    async def receive(self) -> Any:  # noqa: ANN401 - what msgpack holds; the caller knows its protocol
        """The next message. Raises ChildDied when there will be none."""
        if self._reader is None:
            raise ChildDied(self._target, 0)
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > MAX_MESSAGE_BYTES:
                await self.stop()
                raise Unavailable(f"child {self._target} sent a message of {length} bytes, at most {MAX_MESSAGE_BYTES}")
            return _decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as err:
            raise ChildDied(self._target, await self._exit_code()) from err

    async def stop(self) -> None:
        """Kill it (its own process id) and wait until it is gone. May be called at any time, and twice."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
        self._process = self._reader = self._writer = None

    async def _exit_code(self) -> int:
        """Its exit code; a child that closed the socket and still runs gets a second before it is killed."""
        if self._process is None:
            return 0
        try:
            return await asyncio.wait_for(self._process.wait(), 1.0)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            return await self._process.wait()


class Parent:
    """The child's end, plain and synchronous. When the parent is gone every call ends the process."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._sending = threading.Lock()

    def send(self, message: object) -> None:
        """Hand over a message; blocks while the parent does not read. May be called from any thread."""
        data = _encode(message)
        with self._sending:
            try:
                self._socket.sendall(_LENGTH.pack(len(data)) + data)
            except ConnectionError:
                os._exit(0)

    def receive(self) -> Any:  # noqa: ANN401 - what msgpack holds
        """Wait for the next message."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return _decode(self._exactly(length))

    def wait_for_its_end(self) -> NoReturn:
        """Read on until the parent is gone or ends this process: it may still be reading what it was sent."""
        while True:
            self.receive()

    def waiting(self, within_s: float = 0.0) -> bool:
        """Whether a message is there, or comes within that time."""
        return bool(select.select([self._socket], [], [], within_s)[0])

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._socket.recv(size - len(parts))
            except ConnectionError:
                part = b""
            if not part:
                os._exit(0)
            parts += part
        return bytes(parts)


def _end_with_the_parent(connection: socket.socket) -> None:
    """Leave at once when the parent is gone, even while the work hangs inside a library (Linux; elsewhere at the next message)."""
    hang_up = getattr(select, "POLLRDHUP", 0)
    if not hang_up:
        return
    poll = select.poll()
    poll.register(connection, hang_up)

    def watch() -> None:
        poll.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def serve(target: str, descriptor: int) -> None:
    """What the child is: `target` with its parent at the other end of the socket `descriptor`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=descriptor)
    _end_with_the_parent(connection)
    module, _, name = target.partition(":")
    function: Callable[[Parent, Any], None] = getattr(importlib.import_module(module), name)
    parent = Parent(connection)
    function(parent, parent.receive())


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
