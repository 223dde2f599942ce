"""Serve the console inside a running event loop: no signal handlers, the port known before anything is accepted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from city_model.faults import Unavailable


class _Embedded(uvicorn.Server):
    """Leaves the process's signals to whoever owns the loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: FastAPI, host: str, port: int, stop: asyncio.Event) -> int:
    """Start serving `app` (of `create_app`) and return the port (0 asks for a free one); serves until `stop` is set.

    `await app.state.served` afterwards to wait for the end. Raises OSError when the port is taken, Unavailable when the app cannot start.
    """
    listening = _bound(host, port)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, ws="none", server_header=False, timeout_graceful_shutdown=3, lifespan="on"
    )
    server = _Embedded(config)
    running = asyncio.create_task(server.serve(sockets=[listening]), name="console-http")
    while not server.started:
        if running.done():
            listening.close()
            running.result()
            raise Unavailable("the console could not start; the lines above say why")
        await asyncio.sleep(0.01)
    app.state.served = asyncio.create_task(_until(stop, app, server, running), name="console-serve")
    return int(listening.getsockname()[1])


async def _until(stop: asyncio.Event, app: FastAPI, server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        app.state.hub.close()  # streams would hold the shutdown up
        server.should_exit = True
        await running


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except socket.gaierror as err:
        listening.close()
        raise Unavailable(f"{host}: {err.strerror}") from err
    except OSError:
        listening.close()
        raise
    return listening
