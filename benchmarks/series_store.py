"""Points per second into the series stores, and what pages ask of them: the embedded one and a real InfluxDB, one after the other.

Input: 5,000 series (500 cameras, two directions, five quantities), one point a second each, written ten seconds at a time, with minutes
and hours rolled up by each write. Beside InfluxDB stands a bare write: the same lines without rollups, as fast as the
server takes them from one client. CPU of client and server together. Run: python -m benchmarks.series_store [--json] [--writes N]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from broker_config.influx import InfluxServer
from city_model.faults import Unavailable
from stream_processor.stores.embedded import EmbeddedStore
from stream_processor.stores.influx import InfluxStore
from stream_processor.stores.influx_client import InfluxClient
from stream_processor.stores.influx_file import InfluxFile, load_influx_file
from stream_processor.stores.influx_names import head_of
from stream_processor.stores.influx_setup import ADMIN, WRITE, first_time, set_up
from stream_processor.stores.keep import FOR_EVER
from stream_processor.stores.line_protocol import lines
from stream_processor.stores.port import Points, SeriesStore

SERIES, SECONDS_A_WRITE = 5_000, 10
START_MS = 1_795_600_800_000
NAMES = tuple(f"cam-{n // 10}/{'in' if n % 2 else 'out'}/q{n // 2 % 5}" for n in range(SERIES))


def batch(number: int) -> Points:
    """Ten seconds of the city."""
    times = START_MS + (number * SECONDS_A_WRITE + np.arange(SECONDS_A_WRITE)) * 1000
    count = SERIES * SECONDS_A_WRITE
    return Points(
        NAMES, np.tile(np.arange(SERIES, dtype=np.uint16), SECONDS_A_WRITE), np.repeat(times, SERIES),
        np.random.default_rng(number).normal(30, 10, count), np.zeros(count, np.uint8),
    )  # fmt: skip


def per_second(write: Callable[[Points], object], writes: int, cpu_s: Callable[[], float]) -> dict[str, int]:
    """Points per second of time and of CPU, without the first write, which makes the series."""
    batches = [batch(number) for number in range(writes + 1)]
    write(batches[0])
    began_s, began_cpu_s = time.perf_counter(), cpu_s()
    for one in batches[1:]:
        write(one)
    points = writes * SERIES * SECONDS_A_WRITE
    return {"points_per_s": round(points / (time.perf_counter() - began_s)), "points_per_cpu_s": round(points / (cpu_s() - began_cpu_s))}


def answers_ms(store: SeriesStore) -> dict[str, float]:
    """Milliseconds for what pages ask, the best of five."""
    stop_ms = START_MS + 3_600_000
    asked: dict[str, Callable[[], object]] = {
        "latest_ms": store.latest,
        "raw_ms": lambda: store.raw(NAMES[7], START_MS, stop_ms),
        "minutes_ms": lambda: store.rollup(NAMES[7], START_MS, stop_ms, 60_000),
    }
    found = {}
    for name, ask in asked.items():
        taken = []
        for _ in range(5):
            began_s = time.perf_counter()
            ask()
            taken.append(time.perf_counter() - began_s)
        found[name] = round(min(taken) * 1000, 1)
    return found


def server_cpu_s(pid: int) -> float:
    """CPU seconds of this process and that one."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / 100  # clock ticks: 100 a second on Linux


def influx(directory: Path, writes: int) -> dict[str, Any]:
    """Figures of a fresh influxd."""
    server = InfluxServer.start(directory / "data")
    try:
        first_time(InfluxFile(server.url), directory)
        list(set_up(load_influx_file(directory / ADMIN), directory / ADMIN, FOR_EVER, directory))
        client = InfluxClient(load_influx_file(directory / ADMIN))
        heads = [head_of(name) for name in NAMES]
        client.ask_json("POST", "/api/v2/buckets", body={"name": "bare", "orgID": client.ask_json("GET", "/api/v2/orgs")["orgs"][0]["id"]})

        def bare(points: Points) -> None:
            client.write("bare", lines(heads, points.series_index, points.at_ms, {"value": points.value, "flags": points.flags}))

        bare_figures = per_second(bare, writes, lambda: server_cpu_s(server.pid))
        store = InfluxStore(directory / WRITE)
        figures = per_second(store.write, writes, lambda: server_cpu_s(server.pid))
        return {
            **figures,
            **answers_ms(store),
            "bare_points_per_s": bare_figures["points_per_s"],
            "bare_points_per_cpu_s": bare_figures["points_per_cpu_s"],
        }
    finally:
        server.stop()


def main() -> None:
    """Print the figures, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--writes", type=int, default=20)
    given = parser.parse_args()
    figures: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as directory:
        embedded = EmbeddedStore(Path(directory) / "series.db", FOR_EVER)
        figures["embedded"] = {**per_second(embedded.write, given.writes, time.process_time), **answers_ms(embedded)}
        embedded.close()
        try:
            figures["influxdb"] = influx(Path(directory), given.writes)
        except Unavailable as err:
            figures["influxdb"] = {"skipped": str(err)}
    if given.json:
        print(json.dumps(figures))
        return
    for name in ("embedded", "influxdb"):
        print(f"{name:9} " + "  ".join(f"{key} {value:,}" if key != "skipped" else value for key, value in figures[name].items()))
    print(f"on {machine()}")


if __name__ == "__main__":
    main()
