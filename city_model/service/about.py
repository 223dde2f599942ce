"""What a service tells about itself: cumulative counts, what it holds now, and why it is not ready, if it is not."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from city_model.faults import Unavailable


async def _nothing() -> float | None:
    return None


@dataclass(frozen=True, slots=True)
class About:
    """One service. `counts` only rise; `received`, `errors`, `busy_s` and `batches` are the ones every service should have.

    `gauges` hold what is so now. `reasons` says why the service cannot work now, nothing when it can. `lag` is how many items it has still
    to read (None: it reads from no log); it may raise Unavailable.
    """

    name: str
    counts: Callable[[], Mapping[str, float]]
    reasons: Callable[[], Iterable[str]]
    gauges: Callable[[], Mapping[str, float]] = dict
    lag: Callable[[], Awaitable[float | None]] = _nothing
    started_s: float = field(default_factory=time.monotonic)

    async def figures(self) -> dict[str, float]:
        """Counts by name, gauges, and the process's own: `cpu_s` (cumulative), `memory_mb`, `up_s`; `lag_items` where it is known."""
        found = {**self.counts(), **self.gauges(), **process_figures(), "up_s": time.monotonic() - self.started_s}
        try:
            if (lag := await self.lag()) is not None:
                found["lag_items"] = max(0.0, float(lag))
        except Unavailable:
            pass  # the log is away: how much waits there is not known, and `reasons` says the rest
        return found


GAUGES = frozenset({"memory_mb", "up_s", "lag_items", "outbox_items", "partitions", "viewers", "canary_ms"})
"""Names that may fall; every other figure is a count since the start."""


def numbers(counts: object) -> dict[str, float]:
    """The plain numbers of a dataclass of counts; a Counter is summed under its name."""
    found: dict[str, float] = {}
    for one in fields(counts):  # type: ignore[arg-type]  # every counts class is a dataclass
        value = getattr(counts, one.name)
        if isinstance(value, Counter):
            found[one.name] = float(value.total())
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[one.name] = float(value)
    return found


def process_figures() -> dict[str, float]:
    """`cpu_s`: processor seconds of all threads since the start; `memory_mb`: resident memory, in 10^6 bytes (absent without /proc)."""
    found = {"cpu_s": time.process_time()}
    statm = Path("/proc/self/statm")
    if statm.exists():
        found["memory_mb"] = int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return found
