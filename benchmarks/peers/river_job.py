"""river: a model per sensor, its parts made as river's statistics are (update, get), orjson in front. Argument: FILE.

river's own rolling mean and variance round otherwise than the definition; subclasses of its base class do the definition's arithmetic,
so what is measured is what its way of composing statistics costs.
"""

from __future__ import annotations

import importlib
import sys
from math import sqrt
from typing import Any

import orjson
from river import stats

sys.path[:0] = [__file__.rpartition("/")[0]]
job = importlib.import_module("job")


class SlotMean(stats.base.Univariate):  # type: ignore[misc]  # river is not installed where this is checked
    """Mean of the filled slots of an hour."""

    def __init__(self) -> None:
        self.newest: int | None = None
        self.values: dict[int, float] = {}
        self.total = 0.0

    def takes(self, slot: int) -> bool:
        """Neither late nor a duplicate."""
        return self.newest is None or (slot > self.newest - job.SLOTS and slot not in self.values)

    def update(self, slot: int, x: float) -> None:
        if self.newest is None or slot - self.newest >= job.SLOTS:
            self.values, self.total, self.newest = {}, 0.0, slot
        elif slot > self.newest:
            for passed in range(self.newest + 1 - job.SLOTS, slot + 1 - job.SLOTS):
                if passed in self.values:
                    self.total -= self.values.pop(passed)
            self.newest = slot
        self.values[slot] = x
        self.total += x

    def get(self) -> float:
        return self.total / len(self.values)


class Jump(stats.base.Univariate):  # type: ignore[misc]  # as above
    """How far a value lies from an exponentially weighted mean, in deviations."""

    def __init__(self) -> None:
        self.mu = stats.EWMean(fading_factor=job.ALPHA)  # for its weight only; its mean rounds otherwise
        self.mean, self.var, self.n, self.z = 0.0, 0.0, 0, 0.0

    def update(self, x: float) -> None:
        self.z = 0.0
        if self.n:
            d = x - self.mean
            if self.n >= 30 and self.var > 0:
                self.z = d / sqrt(self.var)
            pull = self.mu.fading_factor * d
            self.mean += pull
            self.var = (1.0 - job.ALPHA) * (self.var + pull * d)
        else:
            self.mean = x
        self.n += 1

    def get(self) -> float:
        return self.z


def work(path: str) -> Any:  # noqa: ANN401
    """(messages, changes)."""
    models: dict[str, tuple[SlotMean, Jump]] = {}
    is_open: set[str] = set()
    changes: list[tuple[str, int, str]] = []
    messages = 0
    for block in job.blocks(path, 10_000):
        messages += len(block)
        for line in block:
            try:
                row = orjson.loads(line)
            except ValueError:
                continue
            if not job.valid(row):
                continue
            sensor, ts, x = row["sensor_id"], row["ts"], row["pm25"]
            model = models.get(sensor)
            if model is None:
                model = models[sensor] = (SlotMean(), Jump())
            mean, jump = model
            if not mean.takes(ts // 60_000):
                continue
            mean.update(ts // 60_000, x)
            jump.update(x)
            m, z = mean.get(), jump.get()
            if sensor in is_open:
                if m < 50 and z < 3:
                    is_open.discard(sensor)
                    changes.append((sensor, ts, "C"))
            elif (m >= 60 and len(mean.values) >= 15) or (z >= 6 and x >= 50):
                is_open.add(sensor)
                changes.append((sensor, ts, "O"))
    return messages, changes


if __name__ == "__main__":
    job.report(work)
