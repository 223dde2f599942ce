"""Children that are born fast: a process that has imported what they need, and forks one whenever it is asked to.

A child that imports numpy and OpenCV by itself takes 0.4 s of a core and weighs 55 MB; a forked one is there after 10 ms and shares
what was imported. It is a process of its own all the same: what aborts it aborts nothing else.

    nursery = Nursery(("edge_agent.sources.camera_child",), env={"OPENBLAS_NUM_THREADS": "1"})
    child = Child("edge_agent.sources.camera_child:run", argument, nursery=nursery)

The nursery runs no thread (a fork would freeze its locks), starts with the first child and again should it be gone, and ends with
its parent.
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
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from city_model.faults import Unavailable

_LENGTH = struct.Struct("<I")
_START_S = 30.0
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Born:
    """A forked process, as far as its parent's parent needs to know it."""

    def __init__(self, pid: int, kill: Callable[[int], None]) -> None:
        self.pid = pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._kill = kill

    def kill(self) -> None:
        """End it. The nursery does it, which alone knows that the id is still this process's."""
        if not self.ended.done():
            self._kill(self.pid)

    async def wait(self) -> int:
        """Its exit code, negative for a signal."""
        return await asyncio.shield(self.ended)


class Nursery:
    """The parent's end. `preload` names the modules that are imported once, for all; `env` is added to the environment of all children."""

    def __init__(self, preload: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._preload = tuple(preload)
        self._env = dict(env or {})
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._waiting: dict[int, asyncio.Future[Born]] = {}
        self._living: dict[int, Born] = {}
        self._ticket = 0

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        return self._process.pid if self._process else None

    async def spawn(self, target: str, theirs: socket.socket) -> Born:
        """Fork a process that runs `target` with the connection `theirs`. Raises Unavailable when none can be started."""
        async with self._starting:
            if self._control is None:
                await self._start()
        self._ticket += 1
        ticket = self._ticket
        born: asyncio.Future[Born] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = born
        try:
            self._ask(["fork", ticket, target], theirs.fileno())
            async with asyncio.timeout(_START_S):
                return await born
        except TimeoutError as err:
            raise Unavailable("the process that forks children does not answer") from err
        finally:
            self._waiting.pop(ticket, None)

    async def close(self) -> None:
        """End it; children that live go on until their own parents end them."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self._gone()
        self._listening = None

    async def _start(self) -> None:
        ours, control = socket.socketpair()
        reports, theirs = socket.socketpair()
        fds = (control.fileno(), theirs.fileno())
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "city_model.nursery", *map(str, fds), *self._preload,
                stdin=asyncio.subprocess.DEVNULL, pass_fds=fds, start_new_session=True, env={**os.environ, **self._env},
            )  # fmt: skip
        except OSError as err:
            ours.close()
            reports.close()
            raise Unavailable(f"cannot start a child process: {err.strerror}") from err
        finally:
            control.close()
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=reports)
        self._control = ours
        self._listening = asyncio.create_task(self._listen(reader, writer), name="nursery")

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                self._take(_decode(await reader.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            await self._gone()
        finally:
            writer.close()

    def _take(self, report: list[Any]) -> None:
        kind, first, second = report
        if kind == "born":
            child = self._living[second] = Born(second, lambda pid: self._ask(["kill", pid]))
            waiting = self._waiting.get(first)
            if waiting is not None and not waiting.done():
                waiting.set_result(child)
            else:
                child.kill()  # whoever asked has gone
        elif (ended := self._living.pop(first, None)) is not None:
            ended.ended.set_result(second)

    async def _gone(self) -> None:
        """It has ended, or shall: nobody will tell how its children end."""
        if self._control is not None:
            self._control.close()
        self._control = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self._process = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Unavailable("the process that forks children ended"))
        for child in self._living.values():
            child.ended.set_result(-signal.SIGKILL)
        self._living.clear()

    def _ask(self, message: list[Any], descriptor: int | None = None) -> None:
        """Some bytes into a socket whose reader does nothing else: this does not block."""
        data = _encode(message)
        if self._control is None:
            return
        with contextlib.suppress(ConnectionError):
            socket.send_fds(self._control, [_LENGTH.pack(len(data)) + data], [] if descriptor is None else [descriptor])


class _Forks:
    """The nursery itself: forks, kills and buries."""

    def __init__(self, control: socket.socket, reports: socket.socket) -> None:
        self._control = control
        self._reports = reports
        self._living: set[int] = set()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def serve(self) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake)
        while True:
            ready, _, _ = select.select([self._control.fileno(), self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._bury()
            if self._control.fileno() in ready:
                self._take()

    def _take(self) -> None:
        header, descriptors, _, _ = socket.recv_fds(self._control, _LENGTH.size, 1)
        if not header:
            os._exit(0)
        message = _decode(self._control.recv(_LENGTH.unpack(header)[0], socket.MSG_WAITALL))
        if message[0] == "kill":
            if message[1] in self._living:
                os.kill(message[1], signal.SIGKILL)
            return
        pid = os.fork()
        if not pid:
            self._become(message[2], descriptors[0])
        os.close(descriptors[0])
        self._living.add(pid)
        self._report(["born", message[1], pid])

    def _bury(self) -> None:
        while self._living:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._living.discard(pid)
            self._report(["ended", pid, os.waitstatus_to_exitcode(status)])

    def _become(self, target: str, descriptor: int) -> NoReturn:
        """The child, from here on."""
        from city_model.child import serve

        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (self._woken, self._wake):
                os.close(end)
            self._control.close()
            self._reports.close()
            os.setsid()
            serve(target, descriptor)
            code = 0
        finally:
            if code:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _report(self, report: list[Any]) -> None:
        data = _encode(report)
        try:
            self._reports.sendall(_LENGTH.pack(len(data)) + data)
        except ConnectionError:
            os._exit(0)


if __name__ == "__main__":
    for module in sys.argv[3:]:
        importlib.import_module(module)
    _Forks(socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2]))).serve()
