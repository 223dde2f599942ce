"""What a device costs: memory and snapshot bytes in the core, bytes of a record in the log.

An hour of stations with four quantities a minute and of cameras with a sample a minute, all default detectors; memory is the growth of the
process's resident memory. Run: python -m benchmarks.capacity [--json]
"""

from __future__ import annotations

import argparse
import gc
import json

import msgspec
import numpy as np

from benchmarks.machine import machine
from city_model.codec import packed, samples
from city_model.events import Event, EventType, Readings, TrafficSample
from city_model.registry import Area, City, Device, Direction, Site
from city_model.service.about import process_figures
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core
from stream_processor.logs.records import to_record

DEVICES, MINUTES = 1_000, 60
QUANTITIES = ("pm25", "pm10", "no2", "humidity")
START_MS = 1_795_600_800_000


def city(kind: str) -> City:
    """One area of DEVICES cameras or stations."""
    north = (Direction("north", "Bắc", "North"),)
    devices = tuple(
        Device(f"cam-{k}", "site", "camera", directions=north) if kind == "camera" else Device(f"air-{k}", "site", quantities=QUANTITIES)
        for k in range(DEVICES)
    )
    return City("Đo", "Bench", area=(Area("area"),), site=(Site("site", "area", "Đo", "Bench", 11.0, 106.0),), device=devices)


def event(kind: str, k: int, minute: int) -> Event:
    """One minute of one device."""
    at_ms = START_MS + minute * 60_000
    if kind == "camera":
        data = samples.encode([TrafficSample(at_ms, 1.0, "north", 5, 3, 0, 900.0, 0.1, 0.9, 30.0 + k % 7, stopped=0)])
        return Event(EventType.SAMPLES, "site", f"cam-{k}", "b", minute, 1, at_ms, samples.CONTENT_TYPE, data, "area", at_ms)
    n = len(QUANTITIES)
    values = np.array([20.0, 30.0, 15.0, 60.0]) + (k * 7 + minute * 3) % 11
    data = packed.encode(Readings(QUANTITIES, np.arange(n, dtype=np.uint16), np.full(n, at_ms), values))
    return Event(EventType.READINGS, "site", f"air-{k}", "b", n * minute, n, at_ms, packed.CONTENT_TYPE, data, "area", at_ms)


def cost(kind: str) -> dict[str, float]:
    """kB of memory, snapshot bytes and record bytes, each for one device."""
    core = Core(city(kind), load_core_settings(None), 0)
    gc.collect()
    before_mb = process_figures()["memory_mb"]
    for minute in range(MINUTES):
        core.step([event(kind, k, minute) for k in range(DEVICES)])
    gc.collect()
    grown_mb = process_figures()["memory_mb"] - before_mb
    record = to_record(event(kind, 1, 1))
    size = len(record.key) + len(record.value or b"") + sum(len(name) + len(value) for name, value in record.headers)
    return {
        "memory_kb": round(1000 * grown_mb / DEVICES, 1), "snapshot_bytes": round(len(msgspec.msgpack.encode(core.snapshot())) / DEVICES),
        "record_bytes": size,
    }  # fmt: skip


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = {"camera": cost("camera"), "station": cost("station"), "machine": machine()}
    if given.json:
        print(json.dumps(result))
        return
    print(f"a device in the core, {DEVICES:,} of each kind, after {MINUTES} minutes")
    for name, value in result.items():
        print(f"  {name:8} {value}")


if __name__ == "__main__":
    main()
