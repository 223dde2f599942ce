"""The registry as a file that changes while the bridge runs: `saola device add` needs no restart."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from city_model.faults import ConfigError
from city_model.registry import City, load_city

log = logging.getLogger(__name__)


class RegistryFile:
    """Call it for the city as it is now. The file is looked at every `every_s` seconds; when it is broken, the last good one stays."""

    def __init__(self, path: Path, *, every_s: float = 2.0) -> None:
        self._path = path
        self._every_s = every_s
        self._seen = self._stamp()
        self._city = load_city(path)
        self._looked_s = time.monotonic()

    def __call__(self) -> City:
        if time.monotonic() - self._looked_s >= self._every_s:
            self._looked_s = time.monotonic()
            self._look()
        return self._city

    def _look(self) -> None:
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            city = load_city(self._path)
        except ConfigError as err:
            log.warning("the registry has become unusable, the last good one stays: %s", err)
            return
        if city != self._city:
            log.info("registry read again", extra={"devices": len(city.device)})
        self._city = city

    def _stamp(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return (status.st_mtime_ns, status.st_size, status.st_ino)
