"""polars: JSON decoded and checked in frames, the state in a loop over the columns' rows (a recursion has no expression). Argument: FILE.

A batch with a message that is no JSON cannot be decoded as a whole; its lines are then asked for one member each, which is slow, so lines
that do not end with a brace are taken out first.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import polars as pl

sys.path[:0] = [__file__.rpartition("/")[0]]
job = importlib.import_module("job")
TEXT = pl.Struct({name: pl.String for name in ("sensor_id", "ts", "pm25", "pm10", "temp", "rh")})
NUMBERS = {"ts": pl.Int64, "pm25": pl.Float64, "pm10": pl.Float64, "temp": pl.Float64, "rh": pl.Float64}


def work(path: str) -> Any:  # noqa: ANN401
    """(messages, changes)."""
    states: dict[str, list[Any]] = {}
    changes: list[tuple[str, int, str]] = []
    messages = 0
    for block in job.blocks(path, 20_000):
        messages += len(block)
        lines = pl.Series("line", [line.decode() for line in block if line.endswith(b"}")])
        frame = lines.str.json_decode(TEXT).struct.unnest()
        frame = frame.with_columns(pl.col(name).cast(kind, strict=False) for name, kind in NUMBERS.items())
        good = frame.filter(
            pl.col("ts").is_not_null() & pl.col("pm25").is_between(0, 1000) & pl.col("pm10").is_between(0, 2000)
            & pl.col("temp").is_between(-40, 85) & pl.col("rh").is_between(0, 100)
        ).select("sensor_id", "ts", "pm25")  # fmt: skip
        for sensor, ts, x in good.iter_rows():
            state = states.get(sensor)
            if state is None:
                state = states[sensor] = job.new_state()
            if (word := job.take(state, ts, x)) in ("O", "C"):
                changes.append((sensor, ts, word))
    return messages, changes


if __name__ == "__main__":
    job.report(work)
