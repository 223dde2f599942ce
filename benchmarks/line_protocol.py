"""Line protocol, lines per second of one core: our columns in bulk beside influxdb-client's own `Point`, one object a line.

Input: 50,000 points of 5,000 series (two tags, a value of 15 to 17 digits, flags), as a city of 400 cameras sends in ten seconds.
The two texts are compared first. Times are CPU times, the best of several. Run: python -m benchmarks.line_protocol [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from influxdb_client.client.write.point import Point

from benchmarks.machine import machine
from stream_processor.stores.influx_names import head_of
from stream_processor.stores.line_protocol import lines

SERIES, POINTS, POINTS_OF_PEER = 5_000, 50_000, 5_000
START_MS = 1_795_600_800_000


def best_s(work: Callable[[], object], rounds: int = 7) -> float:
    """CPU seconds of the quickest of several rounds."""
    taken = []
    for _ in range(rounds):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return min(taken)


def main() -> None:
    """Print the figures, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    names = [f"cam-{n // 10}/{'in' if n % 2 else 'out'}/q{n % 5}" for n in range(SERIES)]
    index = np.tile(np.arange(SERIES, dtype=np.uint16), POINTS // SERIES)
    at_ms = START_MS + np.arange(POINTS) // SERIES * 1000
    value = np.random.default_rng(1).normal(30, 10, POINTS)
    flags = np.zeros(POINTS, np.uint8)

    def bulk(count: int) -> bytes:
        return lines([head_of(name) for name in names], index[:count], at_ms[:count], {"value": value[:count], "flags": flags[:count]})

    def peer() -> bytes:
        rows = zip(index[:POINTS_OF_PEER].tolist(), at_ms[:POINTS_OF_PEER].tolist(), value[:POINTS_OF_PEER].tolist(), strict=True)
        return "\n".join(_point(names[series], at, number) for series, at, number in rows).encode()

    assert _fields_sorted(bulk(POINTS_OF_PEER)) == peer()
    ours, theirs = POINTS / best_s(lambda: bulk(POINTS)), POINTS_OF_PEER / best_s(peer, 3)
    figures = {"lines_per_s": round(ours), "point_lines_per_s": round(theirs), "times": round(ours / theirs, 1), "machine": machine()}
    if as_json:
        print(json.dumps(figures))
        return
    print(f"columns in bulk              {ours:>12,.0f} lines/s")
    print(f"influxdb-client {version('influxdb-client')} Point {theirs:>12,.0f} lines/s")
    print(f"                             {ours / theirs:>12.1f} times")
    print(f"on {machine()}")


def _point(series: str, at_ms: int, value: float) -> str:
    device, direction, quantity = series.split("/")
    point: Any = Point(quantity)  # type: ignore[no-untyped-call]  # it carries no types
    point = point.tag("device", device).tag("direction", direction).field("value", value).field("flags", 0)
    text: str = point.time(at_ms, "ms").to_line_protocol()
    return text


def _fields_sorted(text: bytes) -> bytes:
    """`Point` sorts its fields by name."""
    swapped = []
    for line in text.decode().split("\n"):
        start, fields, at = line.split(" ")
        swapped.append(f"{start} {','.join(sorted(fields.split(',')))} {at}")
    return "\n".join(swapped).encode()


if __name__ == "__main__":
    main()
