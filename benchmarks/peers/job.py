"""What every contender does with a sensor's value, in plain Python; imported by the scripts beside it, so it needs nothing installed.

State of a sensor: [newest, ring, filled, total, count, seen, mu, var, open].
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from math import sqrt
from pathlib import Path
from typing import Any

SLOTS, ALPHA = 60, 0.05
Change = tuple[str, int, str]


def new_state() -> list[Any]:
    """A sensor that has said nothing."""
    return [None, [0.0] * SLOTS, [False] * SLOTS, 0.0, 0, 0, 0.0, 0.0, False]


def take(state: list[Any], ts: int, x: float) -> str:
    """Move a sensor on by a valid reading: "O" opened, "C" closed, "L" late, "D" duplicate, "" nothing of note."""
    newest, ring, filled, total, count, seen, mu, var, is_open = state
    slot = ts // 60_000
    place = slot % SLOTS
    if newest is None or slot - newest >= SLOTS:
        state[1] = ring = [0.0] * SLOTS
        state[2] = filled = [False] * SLOTS
        total, count, state[0] = 0.0, 0, slot
    elif slot > newest:
        for passed in range(newest + 1, slot + 1):
            at = passed % SLOTS
            if filled[at]:
                total -= ring[at]
                filled[at] = False
                count -= 1
        state[0] = slot
    elif slot <= newest - SLOTS:
        return "L"
    elif filled[place]:
        return "D"
    ring[place], filled[place] = x, True
    total += x
    count += 1
    z = 0.0
    if seen:
        d = x - mu
        if seen >= 30 and var > 0:
            z = d / sqrt(var)
        pull = ALPHA * d
        mu += pull
        var = (1.0 - ALPHA) * (var + pull * d)
    else:
        mu = x
    mean = total / count
    word = ""
    if is_open:
        if mean < 50 and z < 3:
            is_open, word = False, "C"
    elif (mean >= 60 and count >= 15) or (z >= 6 and x >= 50):
        is_open, word = True, "O"
    state[3:] = total, count, seen + 1, mu, var, is_open
    return word


def is_number(value: object) -> bool:
    """A JSON number; true and false are none."""
    return type(value) is float or type(value) is int


def valid(row: object) -> bool:
    """What counts as a reading; everything else is bad."""
    if type(row) is not dict or type(row.get("sensor_id")) is not str or type(row.get("ts")) is not int:
        return False
    pm25, pm10, temp, rh = row.get("pm25"), row.get("pm10"), row.get("temp"), row.get("rh")
    if not (is_number(pm25) and is_number(pm10) and is_number(temp) and is_number(rh)):
        return False
    return bool(0 <= pm25 <= 1000 and 0 <= pm10 <= 2000 and -40 <= temp <= 85 and 0 <= rh <= 100)  # type: ignore[operator]  # numbers, above


def blocks(path: str, messages: int) -> Iterator[list[bytes]]:
    """The file's messages in blocks; the file is read as it goes."""
    with Path(path).open("rb") as file:
        block: list[bytes] = []
        for line in file:
            block.append(line[:-1])
            if len(block) == messages:
                yield block
                block = []
        if block:
            yield block


def digest(changes: list[Change]) -> str:
    """Hash of the sorted output."""
    return hashlib.sha256(json.dumps(sorted(changes)).encode()).hexdigest()[:16]


def report(work: Callable[[str], tuple[int, list[Change]]]) -> None:
    """Run `work` on the file named on the command line; print readings, CPU seconds, peak RSS (MB) and the output's hash as JSON."""
    before = time.process_time()
    readings, changes = work(sys.argv[1])
    cpu_s = time.process_time() - before
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"readings": readings, "cpu_s": cpu_s, "rss_mb": round(rss_mb, 1), "changes": len(changes), "digest": digest(changes)}
    print(json.dumps(row))
