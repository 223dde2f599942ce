"""The scalar oracle: the standard library's JSON and the definition, message by message. Argument: FILE."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

sys.path[:0] = [__file__.rpartition("/")[0]]
job = importlib.import_module("job")


def work(path: str) -> Any:  # noqa: ANN401
    """(messages, changes)."""
    states: dict[str, list[Any]] = {}
    changes: list[tuple[str, int, str]] = []
    messages = 0
    for block in job.blocks(path, 10_000):
        messages += len(block)
        for line in block:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if not job.valid(row):
                continue
            state = states.get(row["sensor_id"])
            if state is None:
                state = states[row["sensor_id"]] = job.new_state()
            if (word := job.take(state, row["ts"], row["pm25"])) in ("O", "C"):
                changes.append((row["sensor_id"], row["ts"], word))
    return messages, changes


if __name__ == "__main__":
    job.report(work)
