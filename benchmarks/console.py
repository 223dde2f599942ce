"""How long until all see an acknowledgement: from the POST of one operator to each of 200 open pages, and beside 300 that never read.

As in production: an engine worker and the console as processes of their own on one log (embedded; `--city` starts a Kafka), the pages as
streams of this process. Cameras' roads jam and open alarms; then one operator acknowledges one after the other. Run:
python -m benchmarks.console [--json] [--viewers N] [--acts N] [--city]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil

from benchmarks.machine import machine
from broker_config.kafka import KafkaServer
from city_model.clock import WallClock
from city_model.codec import samples
from city_model.events import Event, EventType, TrafficSample
from city_model.faults import Unavailable
from city_model.registry import Area, City, Device, Direction, Site
from city_model.topics import DEFAULT_PARTITIONS, INPUTS, LOG_TOPICS, partition_of
from simulators.load import city_toml
from stream_processor.logs.open import open_log
from stream_processor.logs.records import to_record

CAMERAS, AREAS = 120, 12
IDLE_VIEWERS = 300
_CORE = "[detectors.congestion]\nhold_s = 0.0\nclear_s = 3600.0\n[alarms]\nescalate_high_s = 0.0\n"
"""One slow sample opens an alarm, and nothing but the operator changes it."""


def city_of_cameras() -> City:
    """Cameras spread over areas."""
    return City(
        "Thành phố thử", "Test city", area=tuple(Area(f"area-{a}", f"Khu {a}", f"Area {a}") for a in range(AREAS)),
        site=tuple(Site(f"site-{k}", f"area-{k % AREAS}", f"Ngã tư {k}", f"Junction {k}", 11.0, 106.6) for k in range(CAMERAS)),
        device=tuple(Device(f"cam-{k}", f"site-{k}", "camera", directions=(Direction("north"),)) for k in range(CAMERAS)),
    )  # fmt: skip


@dataclass
class Page:
    """An open page: a stream that is read at once. `seen_s`: when each acknowledged alarm came."""

    seen_s: dict[str, float] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, port: int, headers: str) -> None:
        """Until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        writer.write(f"GET /api/stream HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{headers}\r\n\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    event = line
                    self.ready.set()
                elif line.startswith(b"data: ") and b"alarm" in event:
                    now_s = time.monotonic()
                    alarm = _alarm_in(json.loads(line[6:]))
                    if alarm is not None and alarm["response"] == "acknowledged":
                        self.seen_s.setdefault(alarm["id"], now_s)
        finally:
            writer.close()


def _alarm_in(data: object) -> dict[str, str] | None:
    alarm = data.get("alarm", data) if isinstance(data, dict) else None
    return alarm if isinstance(alarm, dict) and "response" in alarm else None


async def measure(viewers: int, acts: int, *, kafka: bool) -> dict[str, object]:
    """Milliseconds from the POST to each viewer, without and with viewers that never read."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "city.toml").write_text(city_toml(city_of_cameras()), encoding="utf-8")
        (directory / "core.toml").write_text(_CORE, encoding="utf-8")
        server = await asyncio.to_thread(KafkaServer.start, directory / "kafka") if kafka else None
        url = server.url if server else f"sqlite:{directory / 'log'}"
        try:
            async with _services(directory, url) as (port, console):
                return await _measured(directory, url, port, console, viewers, acts)
        finally:
            if server:
                await asyncio.to_thread(server.stop)


@contextlib.asynccontextmanager
async def _services(directory: Path, url: str) -> AsyncIterator[tuple[int, int]]:
    """The worker and the console; gives the console's port and process."""
    log = await open_log(url)
    await log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
    await log.close()
    city = ["--city", str(directory / "city.toml"), "--log", url]
    worker = await _start(directory, "stream", *city, "--core", str(directory / "core.toml"), "--announce")
    console = await _start(
        directory, "console", *city, "--store", f"sqlite:{directory / 'series.db'}", "--data", str(directory / "desk"), "--port", "0"
    )
    try:
        yield await _port_of(console), console.pid
    finally:
        for process in (console, worker):
            process.terminate()
            await process.wait()


async def _port_of(console: asyncio.subprocess.Process) -> int:
    """It says its address on stderr."""
    assert console.stdout is not None
    async with asyncio.timeout(60):
        async for line in console.stdout:
            if line.startswith(b"http://"):
                return int(line.decode().rsplit(":", 1)[1].rstrip("/\n"))
    raise Unavailable("the console ended before it listened")


async def _start(directory: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "city_model", *words, cwd=directory, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def _measured(directory: Path, url: str, port: int, console: int, viewers: int, acts: int) -> dict[str, object]:
    headers = {"origin": f"http://127.0.0.1:{port}", "x-saola": "console"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
        password = (directory / "desk" / "first-password").read_text(encoding="utf-8").split()[-1]
        (await client.post("/api/session", json={"name": "admin", "password": password})).raise_for_status()
        cookie = "; ".join(f"{c.name}={c.value}" for c in client.cookies.jar)
        alarms = await _jam(url, client)
        pages = [Page() for _ in range(viewers)]
        reading = [asyncio.create_task(page.read(port, f"cookie: {cookie}")) for page in pages]
        await asyncio.wait_for(asyncio.gather(*(page.ready.wait() for page in pages)), 60)
        busy = await _acknowledge(client, alarms[:acts], pages)
        rss_mb = psutil.Process(console).memory_info().rss / 1e6
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(min(IDLE_VIEWERS, 500 - viewers))]
        for _, writer in idle:
            writer.write(f"GET /api/stream HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n\r\n".encode())
        async with asyncio.timeout(60):
            while (await client.get("/healthz")).json()["viewers"] < viewers + len(idle):
                await asyncio.sleep(0.1)
        beside = await _acknowledge(client, alarms[acts : 2 * acts], pages)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        grown_mb = psutil.Process(console).memory_info().rss / 1e6 - rss_mb
        for _, writer in idle:
            writer.close()
    return {
        "viewers": viewers, "acts": acts, **_figures("", busy), **_figures("beside_idle_", beside), "idle_viewers": len(idle),
        "console_rss_mb": round(rss_mb), "idle_cost_mb": round(grown_mb, 1), "log": url.split(":")[0], "machine": machine(),
    }  # fmt: skip


async def _jam(url: str, client: httpx.AsyncClient) -> list[dict[str, object]]:
    """Every camera's road jams; gives the alarms that are open then."""
    city, now_ms = city_of_cameras(), WallClock().now_ms()
    log = await open_log(url)
    rows = []
    for k, site in enumerate(city.site):
        sample = TrafficSample(now_ms, 5.0, "north", 10, 1, 0, 2880.0, 0.6, 0.9, speed_kmh=5.0)
        event = Event(
            EventType.SAMPLES, site.id, f"cam-{k}", "b1", 0, 1, now_ms, samples.CONTENT_TYPE, samples.encode([sample]), area=site.area
        )
        rows.append((partition_of(site.area, DEFAULT_PARTITIONS), to_record(event)))
    await log.append(INPUTS, rows)
    await log.close()
    async with asyncio.timeout(60):
        while True:
            alarms = [c["alarm"] for c in (await client.get("/api/alarms")).json() if c["alarm"]["rule"] == "congestion"]
            if len(alarms) == CAMERAS:
                return alarms
            await asyncio.sleep(0.2)


async def _acknowledge(client: httpx.AsyncClient, alarms: list[dict[str, object]], pages: list[Page]) -> list[list[float]]:
    """[to the answer, and to each page] in ms, a row an act."""
    rows = []
    for k, alarm in enumerate(alarms):
        begun_s = time.monotonic()
        asked = {"version": alarm["version"], "command_id": f"bench-{alarm['id']}-{k}"}
        answer = await client.post(f"/api/alarms/{alarm['id']}/acknowledge", json=asked)
        answered_s = time.monotonic()
        assert answer.status_code == 200, answer.text
        async with asyncio.timeout(30):
            while not all(alarm["id"] in page.seen_s for page in pages):
                await asyncio.sleep(0.005)
        rows.append([1000 * (s - begun_s) for s in (answered_s, *(page.seen_s[str(alarm["id"])] for page in pages))])
    return rows


def _figures(name: str, rows: list[list[float]]) -> dict[str, float]:
    table = np.array(rows)
    p50, p99 = np.percentile(table[:, 1:], [50, 99]).tolist()
    return {f"{name}answer_p50_ms": round(float(np.median(table[:, 0])), 1), f"{name}p50_ms": round(p50, 1), f"{name}p99_ms": round(p99, 1)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--city", action="store_true", help="on a real Kafka")
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--acts", type=int, default=CAMERAS // 2)
    asked = parser.parse_args()
    result = asyncio.run(measure(asked.viewers, min(asked.acts, CAMERAS // 2), kafka=asked.city))
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
