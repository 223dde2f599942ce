"""What the doctor looks at: one function, one question about this machine, one answer with its fix. Nothing here changes anything."""

from __future__ import annotations

import contextlib
import importlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from broker_config import influx, kafka
from broker_config.mosquitto import find_mosquitto
from city_model.faults import Unavailable

_PYTHON_AT_LEAST = (3, 11)
_NOT_BEFORE_S = 1_764_000_000  # 2025-11-24; a clock that says less has not been set since the machine lost power
_DISK_NEEDED_BYTES = 500 * 2**20  # an embedded log and store of a demo day, with room to spare
_ANSWER_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `instead` says what stands in for what is not here; `fix` is a command or a sentence."""

    name: str
    state: Literal["ok", "missing", "optional"]
    found: str
    fix: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class _Package:
    module: str
    distribution: str
    serves: str
    extra: str = ""
    instead: str = ""


_PACKAGES = (
    _Package("numpy", "numpy", "columns"),
    _Package("cv2", "opencv-python-headless", "vision"),
    _Package("paho.mqtt.client", "paho-mqtt", "MQTT"),
    _Package("msgspec", "msgspec", "decoding"),
    _Package("fastapi", "fastapi", "console", "panel"),
    _Package("uvicorn", "uvicorn", "console", "panel"),
    _Package("psutil", "psutil", "memory figures", "sim", "the demo cannot say what it weighs"),
    _Package("aiokafka", "aiokafka", "Kafka", "stream", "the embedded log"),
)


def python() -> Finding:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _PYTHON_AT_LEAST:
        return Finding("Python", "missing", f"{version} at {sys.executable}", "install Python 3.11 or later; make demo PYTHON=python3.12")
    return Finding("Python", "ok", f"{version} at {sys.executable}")


def packages() -> Iterable[Finding]:
    """The packages: a plain install's, the panel's, and what can be done without."""
    for package in _PACKAGES:
        yield _package(package)


def _package(package: _Package) -> Finding:
    extra = f"[{package.extra}]" if package.extra else ""
    try:
        importlib.import_module(package.module)
    except ImportError as err:  # also a wheel whose system library is missing
        state: Literal["missing", "optional"] = "optional" if package.instead else "missing"
        return Finding(package.distribution, state, f"{err} ({package.serves})", f"pip install 'saola-city{extra}'", package.instead)
    return Finding(package.distribution, "ok", f"{metadata.version(package.distribution)} ({package.serves})")


def time_zones() -> Finding:
    """Day and hour boundaries of indices need the zone's rules."""
    try:
        ZoneInfo("Asia/Ho_Chi_Minh")
    except ZoneInfoNotFoundError:
        return Finding("time zones", "missing", "no data for Asia/Ho_Chi_Minh", "apt-get install tzdata, or pip install tzdata")
    return Finding("time zones", "ok", "Asia/Ho_Chi_Minh")


def clock(now_s: float | None = None) -> Finding:
    """A clock that was never set dates every reading wrong."""
    now_s = time.time() if now_s is None else now_s
    said = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now_s))
    if now_s < _NOT_BEFORE_S:
        return Finding("clock", "missing", f"says {said}, before this program was written", "set the time: timedatectl set-ntp true")
    return Finding("clock", "ok", said)


def directory(path: Path) -> Finding:
    """Whether the data directory, or the nearest parent that exists, can be written to."""
    place = _nearest(path)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"saola")
    except OSError as err:
        return Finding("data directory", "missing", f"{path}: {err.strerror}", f"choose another with --data, or: sudo chown $USER {place}")
    return Finding("data directory", "ok", f"{path} (can be written)")


def disk(path: Path) -> Finding:
    """Room for logs and stores."""
    free = shutil.disk_usage(_nearest(path)).free
    if free < _DISK_NEEDED_BYTES:
        return Finding(
            "disk space", "missing", f"{free >> 20} MiB free", f"free {_DISK_NEEDED_BYTES // 2**20} MiB or choose another --data"
        )
    return Finding("disk space", "ok", f"{free / 2**30:.1f} GiB free")


def _nearest(path: Path) -> Path:
    path = path.absolute()
    return next(place for place in (path, *path.parents) if place.exists())


def port(number: int) -> Finding:
    """Whether the console can listen on loopback."""
    name = f"port {number}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as err:
            return Finding(name, "optional", f"127.0.0.1:{number}: {err.strerror}", "saola demo --port 0 finds one", "any other port")
    return Finding(name, "ok", f"127.0.0.1:{number} is free")


def mosquitto() -> Finding:
    """The broker the city profile starts; the embedded profile uses it when it is here."""
    try:
        binary = str(find_mosquitto())
    except Unavailable as err:
        found, _, fix = str(err).removeprefix("mosquitto: ").rpartition(": ")
        return Finding("Mosquitto", "optional", found, fix, "the in-process transport")
    said = subprocess.run([binary, "-h"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"version (\S+)", said)
    return Finding("Mosquitto", "ok", f"{version.group(1) if version else 'version unknown'} at {binary}")


def java() -> Finding:
    """Kafka's runtime."""
    try:
        return Finding("Java", "ok", kafka.find_java())
    except Unavailable as err:
        found, _, fix = str(err).removeprefix("kafka: ").rpartition(": ")
        return Finding("Java", "optional", found, fix, "the embedded log")


def kafka_jars() -> Finding:
    """Kafka itself, as jars in the cache, or Maven to fetch them."""
    jars = kafka.jars_directory()
    if jars.is_dir():
        return Finding("Kafka", "ok", f"{kafka.kafka_version()} in {jars}")
    if mvn := shutil.which("mvn"):
        return Finding("Kafka", "optional", f"not in {jars} yet", f"fetched by {mvn} at the first start (44 MB)", "the embedded log")
    return Finding("Kafka", "optional", f"not in {jars}, and no Maven to fetch it", "apt-get install maven", "the embedded log")


def influxd() -> Finding:
    """InfluxDB's server, built once from its Go module."""
    try:
        return Finding("InfluxDB", "ok", f"{influx.influxd_version()} at {influx.find_influxd()}")
    except Unavailable as err:
        found = str(err).removeprefix("influxd: ")
        fix = (
            "make influxd, or give a server: saola up --store influx:FILE"
            if "not built" in found
            else "install what is named, then: make influxd"
        )
        return Finding("InfluxDB", "optional", found, fix, "the embedded store")


def for_city(findings: Iterable[Finding]) -> list[Finding]:
    """The same answers where the city profile is wanted: broker and Kafka are no longer optional."""
    needed = {"Mosquitto", "aiokafka", "Java", "Kafka", "fastapi", "uvicorn"}
    mavens = "fetched by"
    return [
        replace(one, state="missing", instead="") if one.name in needed and one.state == "optional" and mavens not in one.fix else one
        for one in findings
    ]  # fmt: skip


def chromium() -> Finding:
    """Only the page's tests need it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Finding("Chromium", "ok", f"{found} (tests of the page)")
    return Finding("Chromium", "optional", "not on PATH", "apt-get install chromium", "the page's tests are skipped")


def recordings(data: str) -> Finding:
    """Real clips and series, for the tests that replay them."""
    if not data:
        return Finding(
            "recordings", "optional", "SAOLA_DATA is not set", "SAOLA_DATA=DIRECTORY of clips and CSV", "simulated cameras and air"
        )
    if not Path(data).is_dir():
        return Finding("recordings", "optional", f"SAOLA_DATA={data} is no directory", "point it at one", "simulated cameras and air")
    return Finding("recordings", "ok", data)


def server(name: str, url: str, ports: dict[str, int]) -> Finding:
    """Whether somebody listens at `url`. The user part, if any, is never printed."""
    expected = " or ".join(f"{scheme}://HOST:{number}" for scheme, number in ports.items())
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in ports and parts.hostname:
            return _listens(name, parts.hostname, parts.port or ports[parts.scheme])
    return Finding(name, "missing", "not an address of this kind", f"write it as {expected}")


def _listens(name: str, host: str, number: int) -> Finding:
    try:
        socket.create_connection((host, number), timeout=_ANSWER_WITHIN_S).close()
    except OSError as err:
        return Finding(name, "missing", f"{host}:{number}: {err.strerror or err}", "start it (docs/how-to/run-with-real-servers.md)")
    return Finding(name, "ok", f"{host}:{number} answers")
