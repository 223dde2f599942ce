"""Real receivers on loopback: an HTTP server and a mail server, which answer what they are told to and keep what they got."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Got:
    """What came. `answers` are given in order, the last one for ever."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [200])
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)


@contextmanager
def http_receiver() -> Iterator[Got]:
    got = Got()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.keys.append(self.headers.get("idempotency-key", ""))
            got.authorizations.append(self.headers.get("authorization", ""))
            got.paths.append(self.path)
            got.bodies.append(json.loads(body))
            self.send_response(got.answers.pop(0) if len(got.answers) > 1 else got.answers[0])
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    got.url = f"http://127.0.0.1:{server.server_port}"
    yield from _serving(server, got)


@contextmanager
def mail_receiver() -> Iterator[Got]:
    got = Got()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    text = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        text += part
                    got.mails.append(text.decode())
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"550 nobody\r\n" if b"nobody@" in line else b"250 ok\r\n")
                if word == b"QUIT":
                    return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    got.url = f"smtp://127.0.0.1:{server.server_address[1]}"
    yield from _serving(server, got)


def _serving(server: socketserver.BaseServer, got: Got) -> Iterator[Got]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
