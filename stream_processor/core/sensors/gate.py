"""The gate: every reading past every check, before anything is decided about the air.

Readings are judged one after the other within a sensor and quantity, and side by side across them: a batch is cut into rounds, the k-th
round holding the k-th reading of every row. So what is said of a reading depends on its own sensor's readings before it and on the
ticks, never on how the batch was cut.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core import sensors
from stream_processor.core.sensors.memory import DAY_MS, WARM_READINGS, Memory
from stream_processor.core.sensors.port import Fault, Floats, Rows, Seen, Times

Faults = NDArray[np.uint16]


def checks(having: str) -> list[ModuleType]:
    """The checks of the folder that offer `having`, in their order and by name."""
    found = [importlib.import_module(f"{sensors.__name__}.{one.name}") for one in pkgutil.iter_modules(sensors.__path__)]
    ours = [module for module in found if hasattr(module, "FAULT") and hasattr(module, having)]
    return sorted(ours, key=lambda module: (getattr(module, "ORDER", 0), module.__name__))


class Gate:
    """All sensors of one partition."""

    def __init__(self) -> None:
        self.memory = Memory()
        self._checks = [(module.look, np.uint16(module.FAULT)) for module in checks("look")]

    def judge(self, rows: Rows, at_ms: Times, value: Floats, humid_ms: Times | None = None) -> Faults:
        """Bits of `Fault` for each reading, shape (n,). `rows` come from `memory.row`; readings of a row stand in their order.

        `humid_ms` is when the reading's device last reported fog, 0 for never (None: nobody did).
        """
        faults = np.zeros(len(rows), np.uint16)
        for part in rounds(rows):
            if humid_ms is not None:
                self.memory["humid_ms"][rows[part]] = humid_ms[part]
            faults[part] = self._round(rows[part], at_ms[part], value[part])
        return faults

    def _round(self, rows: Rows, at_ms: Times, value: Floats) -> Faults:
        memory = self.memory
        seen = self._see(rows, at_ms, value)
        bits = np.zeros(len(rows), np.uint16)
        for look, bit in self._checks:
            found = look(memory, seen)
            if found.any():
                bits[found] |= bit
        if bits.any():
            bits &= memory["checks"][rows]
        self._remember(seen, bits)
        return bits

    def _see(self, rows: Rows, at_ms: Times, value: Floats) -> Seen:
        memory = self.memory
        count = memory["count"][rows]
        step = np.where(count > 0, np.abs(value - memory["last"][rows]), 0.0)
        memory["run"][rows] = np.where((step == 0) & (count > 0), memory["run"][rows] + 1, 1)
        return Seen(
            rows, at_ms, value, step, np.abs(value - memory["healthy"][rows]), memory.limit(rows), count >= WARM_READINGS,
            at_ms - memory["first_ms"][rows] >= DAY_MS,
        )  # fmt: skip

    def _remember(self, seen: Seen, bits: Faults) -> None:
        memory, rows = self.memory, seen.rows
        if bits.any() or not seen.is_known.all():
            self._learn_from_some(seen, bits)
        else:
            memory.count_restlessness(rows, seen.at_ms, memory["median"][rows], seen.is_known)
            memory.learn(rows, seen.at_ms, seen.value, seen.step, seen.off)
        gap_ms = np.minimum(np.maximum(seen.at_ms - memory["last_ms"][rows], 0), DAY_MS).astype(float)
        count = memory["count"][rows]
        memory["gap_ms"][rows] += np.where(count > 0, (gap_ms - memory["gap_ms"][rows]) / np.minimum(np.maximum(count, 1), 100), 0.0)
        memory["last"][rows], memory["is_healthy"][rows] = seen.value, bits == 0
        memory["last_ms"][rows] = np.where(count > 0, np.maximum(memory["last_ms"][rows], seen.at_ms), seen.at_ms)
        memory["count"][rows] = count + 1

    def _learn_from_some(self, seen: Seen, bits: Faults) -> None:
        """Where not all are known and well: each learns what it may."""
        memory, rows = self.memory, seen.rows
        grave = (bits & ~np.uint16(Fault.FOG)) != 0
        new = ~seen.is_known
        memory.warm(rows[new], seen.at_ms[new], seen.value[new], seen.step[new])
        known = seen.is_known & ((bits & np.uint16(Fault.SPIKE | Fault.STUCK)) == 0)
        restless = (bits & np.uint16(Fault.NOISE)) != 0
        memory.count_restlessness(rows[known], seen.at_ms[known], memory["median"][rows[known]], ~restless[known])
        well = seen.is_known & ~grave
        memory.learn(rows[well], seen.at_ms[well], seen.value[well], seen.step[well], seen.off[well])
        only_noise = seen.is_known & (bits != 0) & ((bits & ~np.uint16(Fault.NOISE | Fault.CHATTER)) == 0)
        memory.accept(rows[only_noise], seen.at_ms[only_noise], seen.value[only_noise])
        memory["off_count"][rows] += seen.is_known & grave & ~only_noise

    def snapshot(self) -> dict[str, Any]:
        """Plain values."""
        return self.memory.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly."""
        self.memory.restore(state)


def rounds(rows: Rows) -> Iterator[Rows]:
    """Indices of the first reading of every row, of the second, and so on; within a round in the order of the rows."""
    order = np.argsort(rows, kind="stable")
    sorted_rows = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], sorted_rows[1:] != sorted_rows[:-1]))) if len(rows) else np.empty(0, np.intp)
    lengths = np.diff(np.append(starts, len(rows)))
    longest_first = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[longest_first], lengths[longest_first]
    for k in range(int(lengths[0]) if len(lengths) else 0):
        alive = int(np.searchsorted(-lengths, -k, side="left"))
        yield order[starts[:alive] + k]
