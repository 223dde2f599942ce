"""A whole city on one machine over real Mosquitto, Kafka and InfluxDB: what it can carry, and from reading to alarm at half of that.

Everything runs as `saola up --profile city` runs it; the load (421 cameras, 100 stations, real edge agents) comes from this process and has
its share of the same cores. First as much as goes in, then the steady rate that everything keeps up with, then half of that: a camera a
second tells of a vehicle that stands, and the alarm is looked for in the log.
Run: python -m benchmarks.city [--json] [--workers N] [--seconds S]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.city_load import CAMERAS, STATIONS, Load, city, make_load
from benchmarks.city_weight import weights
from benchmarks.machine import machine
from city_model.events import AlarmEvent
from city_model.faults import Unavailable
from city_model.topics import ALARM_EVENTS, CHECKPOINTS, INPUTS, OBSERVATIONS
from simulators.ledger import read_ledger
from simulators.up.asking import ask
from simulators.up.platform import CANARY, HOST, to_toml
from stream_processor.logs.open import open_log
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import from_record

LOAD = "this load"
_MUCH_PER_S = 50_000.0
_IDLE_S = 15.0
_STEPS = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
_STEP_S = 15
_KEPT_UP_S = 2.0
"""Within so long after the last item everything has been judged and stored: sink and looks at its lag take a good second at any load."""


async def measure(workers: int, seconds: int) -> dict[str, Any]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory(prefix="saola-city-") as name:
        directory = Path(name)
        (directory / "city.toml").write_text(to_toml(city()), encoding="utf-8")
        process, told = await _up(directory, workers)
        try:
            return await _loaded(directory, told, seconds)
        finally:
            process.send_signal(signal.SIGINT)
            await process.wait()


async def _up(directory: Path, workers: int) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "city_model", "up", "--city", str(directory / "city.toml"), "--data", str(directory / "data"),
        "--workers", str(workers), "--port", "0", "--mqtt-port", "0", "--json", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    if not (line := await process.stdout.readline()):
        raise Unavailable("the city profile did not start; the lines above say why")
    return process, json.loads(line)


async def _loaded(directory: Path, told: dict[str, Any], seconds: int) -> dict[str, Any]:
    pids = {name: one["pid"] for part in ("servers", "services") for name, one in told[part].items()} | {LOAD: os.getpid()}
    load = make_load(city(), told["servers"]["mosquitto"]["where"], directory / "data" / "broker" / "credentials", directory)
    event_log = await open_log(told["servers"]["kafka"]["where"])
    stop, spans = asyncio.Event(), dict[str, float]()
    running = [asyncio.create_task(agent.run(stop)) for agent in load.agents]
    watching = [asyncio.create_task(_watch(event_log, p, load, spans)) for p in range(await event_log.partitions(ALARM_EVENTS))]
    try:
        idle = await _idle(pids)
        flooded = await _flood(load, told, seconds)
        capacity_per_s = await _sustained(load, told, flooded["items_per_s"])
        per_s = capacity_per_s / 2
        before, cpu_before = load.accepted, weights(pids)
        offered, took_s = await load.offer(per_s, seconds, stops=True)
        await asyncio.gather(*(agent.drained() for agent in load.agents))
        await _no_lag(told)
        after = weights(pids)
        kept = _kept_bytes(directory / "data", load.accepted)
        ledger = await read_ledger(event_log, load.accepted, load.rejected, {CANARY, HOST, *told["services"]})
    finally:
        stop.set()
        await asyncio.gather(*running, return_exceptions=True)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await event_log.close()
    items = load.accepted - before
    services = {
        name: {
            "idle_of_a_core": round(idle[name], 3), "cpu_of_a_core": round((cpu - cpu_before[name][0]) / took_s, 3), "rss_mb": round(rss),
        }
        for name, (cpu, rss) in after.items()
    }  # fmt: skip
    cpu_s = sum(cpu - cpu_before[name][0] for name, (cpu, _) in after.items() if name != LOAD) - took_s * sum(idle.values())
    p50, p99 = np.percentile(list(spans.values()), [50, 99]).tolist() if spans else (float("nan"), float("nan"))
    return {
        "workers": sum(name.startswith("stream") for name in pids), "flood": flooded,
        "capacity_per_s": round(capacity_per_s), "carries_the_city": capacity_per_s >= CAMERAS + STATIONS,
        "lost": ledger.lost, "duplicates": ledger.duplicates,
        "idle_of_a_core": round(sum(idle.values()), 3), "offered_per_s": round(offered / took_s),
        "alarms": len(spans), "alarms_expected": len(load.pushed_s), "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1), "cpu_s_per_1000_items": round(1000 * cpu_s / max(items, 1), 3), "services": services,
        "bytes_per_item": kept, "load_average": os.getloadavg()[0], "machine": machine(),
    }  # fmt: skip


async def _idle(pids: dict[str, int]) -> dict[str, float]:
    """What everything takes of a core while nothing is sent but ticks, canaries and figures."""
    before, begun_s = weights(pids), time.monotonic()
    await asyncio.sleep(_IDLE_S)
    took_s = time.monotonic() - begun_s
    return {name: (cpu - before[name][0]) / took_s for name, (cpu, _) in weights(pids).items() if name != LOAD} | {LOAD: 0.0}


async def _flood(load: Load, told: dict[str, Any], seconds: int) -> dict[str, Any]:
    """As much as goes in for a while; the rate counts until the last has been judged and stored, not only accepted."""
    begun_s, before = time.monotonic(), load.accepted
    await load.offer(_MUCH_PER_S, seconds, stops=False)
    await asyncio.gather(*(agent.drained() for agent in load.agents))
    in_log_s = time.monotonic() - begun_s
    await _no_lag(told)
    took_s = time.monotonic() - begun_s
    items = load.accepted - before
    return {"items": items, "items_per_s": round(items / took_s), "into_the_log_per_s": round(items / in_log_s)}


async def _sustained(load: Load, told: dict[str, Any], flood_per_s: float) -> float:
    """The highest rate, of some steps down from the flood's, that everything keeps up with as the items come, one by one.

    A flood is cheaper an item: outboxes fill, and batches grow. What counts is the rate at which nothing is left over a moment after.
    """
    for share in _STEPS:
        sent, took_s = await load.offer(flood_per_s * share, _STEP_S, stops=False)
        offered_s = time.monotonic()
        await asyncio.gather(*(agent.drained() for agent in load.agents))
        await _no_lag(told)
        if sent > 0.97 * flood_per_s * share * took_s and time.monotonic() - offered_s < _KEPT_UP_S:
            return flood_per_s * share
    return 0.0


def _kept_bytes(data: Path, items: int) -> dict[str, float]:
    """Bytes of each topic of the log (platform's own readings, ticks and snapshots with them) and of InfluxDB's files, for each item."""
    sizes: Counter[str] = Counter()
    for path in (data / "kafka" / "data").glob("*/*.log"):
        sizes[path.parent.name.rpartition("-")[0]] += path.stat().st_size
    sizes["influxdb"] = sum(path.stat().st_size for path in (data / "influxdb" / "engine").rglob("*") if path.is_file())
    wanted = (INPUTS, OBSERVATIONS, CHECKPOINTS, "influxdb")
    return {name: round(sizes[name] / max(items, 1), 1) for name in wanted}


async def _no_lag(told: dict[str, Any]) -> None:
    """Return when workers and sink have read everything."""
    names = [name for name in told["services"] if name.startswith("stream") or name == "sink"]
    quiet = 0
    while quiet < 2:
        answers = await asyncio.gather(*(ask(told["services"][name]["status_port"], "/figures") for name in names))
        lags = [answer["figures"].get("lag_items", 1e9) if answer else 1e9 for answer in answers]
        quiet = quiet + 1 if max(lags) <= len(lags) * 24 else 0  # ticks and canaries are always on their way
        await asyncio.sleep(0.2)


async def _watch(event_log: EventLog, partition: int, load: Load, spans: dict[str, float]) -> None:
    reader = await event_log.reader(ALARM_EVENTS, partition, 0)
    try:
        while True:
            for row in await reader.fetch(100, wait_s=1.0):
                event = msgspec.json.decode(from_record(row.record).data, type=AlarmEvent)
                if event.transition == "opened" and (pushed_s := load.pushed_s.get(event.alarm.device)) is not None:
                    spans.setdefault(event.alarm.device, 1000 * (time.monotonic() - pushed_s))
    finally:
        await reader.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    result = asyncio.run(measure(given.workers, given.seconds))
    if given.json:
        print(json.dumps(result))
        return
    print(f"a city of {CAMERAS} cameras and {STATIONS} stations over Mosquitto, Kafka and InfluxDB")
    for name, value in result.items():
        if name == "services":
            for service, weighed in value.items():
                cpu, idle = weighed["cpu_of_a_core"], weighed["idle_of_a_core"]
                print(f"  {service:24} {cpu:.2f} of a core ({idle:.2f} idle), {weighed['rss_mb']} MB")
        else:
            print(f"  {name:24} {value}")


if __name__ == "__main__":
    main()
