"""From reading to alarm: how long after a reading was handed to its agent the alarm it raised stands in the log, at 1,000 readings/s.

The embedded profile, in this process: agents, broker in process, bridge, embedded log, engine. Fifty devices send five readings of each of
four quantities a second; the hourly mean of some is over the limit all the time but for one reading a minute, so that every second one
device's window closes over the limit and opens an alarm. Run: python -m benchmarks.latency [--json] [--seconds S] [--city]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.machine import machine
from city_model.clock import ManualClock
from city_model.events import AlarmEvent, Readings
from city_model.faults import Unavailable
from city_model.registry import load_city
from city_model.topics import ALARM_EVENTS
from simulators.load import air_devices, city_toml, load_city_of
from simulators.play import Player, playing
from simulators.running import RunningCity, open_city
from stream_processor.core.settings import load_core_settings
from stream_processor.engine import EngineSettings
from stream_processor.logs.records import from_record

DEVICES, PER_SECOND = 50, 20  # 1,000 readings a second
START_MS = 1_795_600_800_000
_QUANTITIES = ("pm25", "pm10", "no2", "humidity")
_BELOW = 79.9
"""ug/m3; the limit of the hourly mean is 80."""
_NOISE = np.random.default_rng(1)
"""Sensors tremble: one that says the same for an hour, or what no air can be, is sick and raises no alarm of the air."""


class SilentFeed:
    """A device whose readings the benchmark pushes itself."""

    def __init__(self, device: str) -> None:
        self.device = device

    async def until(self, at_ms: int) -> list[Readings]:
        return []

    async def close(self) -> None:
        """Nothing to let go of."""


def readings(values: np.ndarray[tuple[int], np.dtype[np.float64]], at_ms: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Readings:
    """PM2.5 of `values`, with the other quantities beside it."""
    n = len(values)
    others = 50.0 + _NOISE.normal(0.0, 2.0, (n, 3))
    index = np.tile(np.arange(4, dtype=np.uint16), n)
    return Readings(_QUANTITIES, index, np.repeat(at_ms, 4), np.column_stack([values, others]).ravel())


async def measure(seconds: int, *, city_profile: bool) -> dict[str, object]:
    """Milliseconds from push to alarm."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "city.toml"
        path.write_text(city_toml(load_city_of(DEVICES)), encoding="utf-8")
        city = load_city(path)
        clock = ManualClock(START_MS)
        feeds = [SilentFeed(device) for device in air_devices(city)]
        broker = open_city(path, city, directory, clock, broker="mosquitto" if city_profile else "local", kafka=city_profile)
        async with broker as running:
            running.start_engine(load_core_settings(None), EngineSettings(ticks="external", catch_bugs=False))
            async with playing(running, clock, feeds) as player:  # type: ignore[arg-type]  # gives no items of its own
                await _history(player)
                spans = await _live(player, running, seconds)
    if not spans:
        raise Unavailable("no alarm was raised: the readings no longer do what this benchmark is about")
    p50, p99 = np.percentile(spans, [50, 99]).tolist()
    return {
        "readings_per_s": DEVICES * PER_SECOND, "alarms": len(spans),
        "alarms_expected": min(seconds, DEVICES), "p50_ms": round(p50, 1), "p99_ms": round(p99, 1),
        "profile": "city" if city_profile else "embedded", "machine": machine(),
    }  # fmt: skip


async def _history(player: Player) -> None:
    """An hour of clean air; then every device's hour is just below the limit."""
    at_ms = START_MS + np.arange(60, dtype=np.int64) * 60_000
    for source in player.sources.values():
        noise = _NOISE.normal(0.0, 0.5, 60)
        await source.push([readings(_BELOW + noise - noise.mean(), at_ms)])
        await source.caught_up(None)
    await asyncio.gather(*(agent.drained() for agent in player.agents))


async def _live(player: Player, running: RunningCity, seconds: int) -> list[float]:
    """Each second one device closes a minute that lifts its mean over the limit; the others send as much without an alarm."""
    pushed: dict[str, float] = {}
    spans: list[float] = []
    watch = asyncio.create_task(_watch(running, pushed, spans))
    started_s = time.monotonic()
    minute_ms = START_MS + 60 * 60_000
    names = list(player.sources)
    for second in range(seconds):
        await asyncio.sleep(max(0.0, started_s + second - time.monotonic()))
        raising = names[second % DEVICES] if second < DEVICES else ""
        for k, (device, source) in enumerate(player.sources.items()):
            await asyncio.sleep(max(0.0, started_s + second + k / DEVICES - time.monotonic()))
            at_ms = minute_ms + (second // DEVICES) * 60_000 + second * 200 + np.arange(5, dtype=np.int64) * 10
            values = _BELOW + _NOISE.normal(0.0, 0.5, 5)
            if device == raising:
                values[:4], at_ms[4] = values[:4] + 520.0, minute_ms + 60_000
                pushed[device] = time.monotonic()
            await source.push([readings(values, at_ms)])
    await asyncio.sleep(2.0)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    return spans


async def _watch(running: RunningCity, pushed: dict[str, float], spans: list[float]) -> None:
    async def follow(partition: int) -> None:
        reader = await running.log.reader(ALARM_EVENTS, partition, 0)
        try:
            while True:
                for row in await reader.fetch(100, wait_s=1.0):
                    event = msgspec.json.decode(from_record(row.record).data, type=AlarmEvent)
                    if event.transition == "opened" and event.alarm.device in pushed:
                        spans.append(1000 * (time.monotonic() - pushed[event.alarm.device]))
        finally:
            await reader.close()

    await asyncio.gather(*(follow(p) for p in range(await running.log.partitions(ALARM_EVENTS))))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=45)
    parser.add_argument("--city", action="store_true", help="real Mosquitto and Kafka")
    given = parser.parse_args()
    result = asyncio.run(measure(given.seconds, city_profile=given.city))
    if given.json:
        print(json.dumps(result))
        return
    print("reading to alarm at 1,000 readings/s")
    for name, value in result.items():
        print(f"  {name:16} {value}")


if __name__ == "__main__":
    main()
