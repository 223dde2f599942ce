"""Figures of services and of the machine as readings: rates from counts that rise, shares from what the kernel tells."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulators.up.platform import SERVICE_QUANTITIES

_AS_THEY_ARE = ("lag_items", "outbox_items", "memory_mb", "up_s")


@dataclass(slots=True)
class Rates:
    """Turns a service's cumulative figures into readings; a restart (a count that fell) begins anew."""

    _before: dict[str, tuple[float, Mapping[str, float]]] = field(default_factory=dict)

    def of(self, service: str, figures: Mapping[str, float], now_s: float) -> dict[str, float]:
        """Quantities that are known now; the first time there are no rates. `now_s` is any clock that only rises."""
        then_s, before = self._before.get(service, (now_s, {}))
        self._before[service] = (now_s, dict(figures))
        found = {name: figures[name] for name in _AS_THEY_ARE if name in figures}
        span_s = now_s - then_s
        if span_s > 0 and figures.get("up_s", 0.0) >= before.get("up_s", 0.0):
            grown = {name: value - before.get(name, 0.0) for name, value in figures.items()}
            found["received_per_s"] = max(0.0, grown.get("received", 0.0)) / span_s
            found["errors_per_s"] = max(0.0, grown.get("errors", 0.0)) / span_s
            found["cpu_ratio"] = min(1.0, max(0.0, grown.get("cpu_s", 0.0)) / span_s / (os.cpu_count() or 1))
            if grown.get("batches", 0.0) > 0:
                found["latency_ms"] = max(0.0, 1000 * grown.get("busy_s", 0.0) / grown["batches"])
        return {name: found[name] for name in SERVICE_QUANTITIES if name in found}


@dataclass(slots=True)
class Machine:
    """The machine's own shares. `proc` is where the kernel tells them; what it does not tell is left out."""

    disk: Path
    proc: Path = Path("/proc")
    _before: tuple[float, float] | None = None

    def readings(self) -> dict[str, float]:
        """cpu_ratio since the last call, load_ratio per core, memory_ratio, disk_ratio of the data directory's file system."""
        usage = shutil.disk_usage(self.disk)
        found = {"disk_ratio": usage.used / usage.total, "load_ratio": os.getloadavg()[0] / (os.cpu_count() or 1)}
        if (ratio := self._cpu()) is not None:
            found["cpu_ratio"] = ratio
        if (self.proc / "meminfo").exists():
            lines = (self.proc / "meminfo").read_text(encoding="ascii").splitlines()
            kib = {line.partition(":")[0]: float(line.split()[1]) for line in lines if ":" in line}
            if kib.get("MemTotal") and "MemAvailable" in kib:
                found["memory_ratio"] = 1 - kib["MemAvailable"] / kib["MemTotal"]
        return found

    def _cpu(self) -> float | None:
        if not (self.proc / "stat").exists():
            return None
        ticks = [float(word) for word in (self.proc / "stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
        total, idle = sum(ticks), ticks[3] + ticks[4]  # idle and waiting for disks
        before, self._before = self._before, (total, idle)
        if before is None or total <= before[0]:
            return None
        return min(1.0, max(0.0, 1 - (idle - before[1]) / (total - before[0])))
