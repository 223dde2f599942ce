"""Readings per CPU-second through core.step: packed batches of 64 readings of 500 stations, six quantities, all detectors running.

Interleaved with a bare decode of the same bytes, which is the floor. Run: python -m benchmarks.core_step [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.machine import machine
from city_model.codec import packed
from city_model.events import Event, EventType, Readings
from city_model.registry import Area, City, Device, Site
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core

STATIONS, BATCH, ROUNDS = 500, 64, 5
QUANTITIES = ("pm25", "pm10", "no2", "o3", "temperature", "humidity")
START_MS = 1_795_600_800_000


def city() -> City:
    """One airshed of STATIONS stations."""
    devices = tuple(Device(f"air-{i}", "site", quantities=QUANTITIES) for i in range(STATIONS))
    return City("Đo", "Bench", area=(Area("air"),), site=(Site("site", "air", "Đo", "Bench", 11.0, 106.0),), device=devices)


def events(batches_each: int) -> list[Event]:
    """Batches as they stand in the log: every station in turn, a reading of each quantity a minute."""
    rng = np.random.default_rng(7)
    index = np.arange(BATCH, dtype=np.uint16) % len(QUANTITIES)
    out = []
    for k in range(batches_each):
        minutes = (np.arange(BATCH) + k * BATCH) // len(QUANTITIES)
        for station in range(STATIONS):
            columns = Readings(QUANTITIES, index, START_MS + minutes * 60_000, rng.lognormal(3.0, 0.4, BATCH))
            data = packed.encode(columns)
            out.append(Event(EventType.READINGS, "site", f"air-{station}", "b", k * BATCH, BATCH, 0, packed.CONTENT_TYPE, data, area="air"))
    return out


def rate(work: Callable[[], None], readings: int) -> float:
    """Readings per CPU-second of `work`."""
    before = time.process_time()
    work()
    return readings / (time.process_time() - before)


def measure() -> dict[str, object]:
    """Medians over interleaved rounds."""
    batch = events(4)
    readings = len(batch) * BATCH
    stepped, decoded = [], []
    for _ in range(ROUNDS):
        core = Core(city(), load_core_settings(None), 0)

        def step(core: Core = core) -> None:
            for i in range(0, len(batch), 200):
                core.step(batch[i : i + 200])

        def decode() -> None:
            for event in batch:
                packed.decode(event.data)

        stepped.append(rate(step, readings))
        decoded.append(rate(decode, readings))
    return {
        "readings": readings,
        "core_readings_per_cpu_s": round(statistics.median(stepped)),
        "decode_only_readings_per_cpu_s": round(statistics.median(decoded)),
        "core_to_decode_ratio": round(statistics.median(s / d for s, d in zip(stepped, decoded, strict=True)), 4),
        "machine": machine(),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    result = measure()
    if parser.parse_args().json:
        print(json.dumps(result))
        return
    print("core.step, packed batches of 64 readings, 500 stations, 6 quantities")
    for name, value in result.items():
        print(f"  {name:34} {value}")


if __name__ == "__main__":
    main()
