"""What is to run, where its files stand, and which ports it has."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from city_model.faults import Unavailable

Profile = Literal["city", "embedded"]


@dataclass(frozen=True, slots=True)
class Plan:
    """`mqtt_url`, `log_url` and `store_url` name servers that run already; empty: what is installed is started.

    `credentials` is the folder of `saola broker render` for a given broker. `port` is the page's; 0 takes a free one.
    """

    city_path: Path
    data: Path
    profile: Profile = "city"
    workers: int = 1
    port: int = 8080
    mqtt_port: int = 1883
    mqtt_url: str = ""
    credentials: Path | None = None
    log_url: str = ""
    store_url: str = ""
    core_path: Path | None = None
    cameras: Path | None = None
    notify: Path | None = None

    @property
    def city_profile(self) -> bool:
        return self.profile == "city"


class Ports:
    """Loopback ports by name, the same at every start while they are free: files and poles remember them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._given: set[int] = set()

    def take(self, name: str, preferred: int = 0) -> int:
        """The port `name` had before; else the preferred one, which must be free (Unavailable); else any."""
        before = self._kept.get(name, 0)
        port = before if (preferred in (0, before) and _is_free(before)) else preferred
        if port and not _is_free(port):
            raise Unavailable(f"{name}: port {port} is taken on 127.0.0.1; end what listens there or choose another")
        while not port or port in self._given:
            port = _any_free()
        self._given.add(port)
        self._kept[name] = port
        self._path.write_text(json.dumps(self._kept, indent=1) + "\n", encoding="utf-8")
        return port


def _is_free(port: int) -> bool:
    if not port:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
