"""bytewax: a source of batches of lines, orjson in a flat map, keyed by sensor, the state in a stateful flat map. Argument: FILE."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.testing import TestingSink, run_main

sys.path[:0] = [__file__.rpartition("/")[0]]
job = importlib.import_module("job")
messages = 0


class Blocks(StatelessSourcePartition[bytes]):  # type: ignore[misc]  # bytewax is not installed where this is checked
    """The file in batches of 1,000 messages."""

    def __init__(self) -> None:
        self._blocks = job.blocks(sys.argv[1], 1_000)

    def next_batch(self) -> list[bytes]:
        global messages
        block: list[bytes] = next(self._blocks)  # StopIteration ends the source
        messages += len(block)
        return block


class File(DynamicSource[bytes]):  # type: ignore[misc]  # as above
    """One partition."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Blocks:
        return Blocks()


def parse(line: bytes) -> list[tuple[str, tuple[int, float]]]:
    """Nothing for a bad message."""
    try:
        row = orjson.loads(line)
    except ValueError:
        return []
    return [(row["sensor_id"], (row["ts"], row["pm25"]))] if job.valid(row) else []


def move(state: list[Any] | None, reading: tuple[int, float]) -> tuple[list[Any], list[tuple[int, str]]]:
    """The sensor's next state, and what changed."""
    state = state or job.new_state()
    word = job.take(state, *reading)
    return state, [(reading[0], word)] if word in ("O", "C") else []


def work(path: str) -> Any:  # noqa: ANN401
    """(messages, changes)."""
    out: list[tuple[str, tuple[int, str]]] = []
    flow = Dataflow("job")
    lines = op.input("in", flow, File())
    readings = op.flat_map("parse", lines, parse)
    changes = op.stateful_flat_map("windows", readings, move)
    op.output("out", changes, TestingSink(out))
    run_main(flow)
    return messages, [(sensor, ts, word) for sensor, (ts, word) in out]


if __name__ == "__main__":
    job.report(work)
