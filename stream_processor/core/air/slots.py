"""Five-minute medians of one channel, and what the last two hours were: the common ground of what looks for sudden changes."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Any

SLOT_MS = 300_000
SLOTS = 27  # two and a quarter hours
RECENT = 3
_YOUNG = 6  # slots too young for a baseline: half an hour
_BASELINE_NEEDS = 9
_MOST_READINGS = 600  # of a slot; more are passed over


@dataclass(slots=True)
class SlotMedians:
    """Medians of the past slots (None: empty), oldest first. A median of five minutes shrugs off single spikes."""

    past: deque[float | None] = field(default_factory=lambda: deque([None] * SLOTS, maxlen=SLOTS))

    def close(self, readings: list[float]) -> None:
        """A slot is over."""
        self.past.append(statistics.median(readings) if readings else None)

    def recent(self) -> list[float]:
        """The last three slots; nothing when one of them is empty."""
        last = list(self.past)[-RECENT:]
        return [value for value in last if value is not None] if None not in last else []

    def baseline(self) -> float | None:
        """Median of the slots that are more than half an hour old; None with fewer than nine."""
        there = [value for value in list(self.past)[:-_YOUNG] if value is not None]
        return statistics.median(there) if len(there) >= _BASELINE_NEEDS else None

    @classmethod
    def of(cls, past: list[Any]) -> SlotMedians:
        """From what `kept` gave."""
        return cls(deque([None] * (SLOTS - len(past)) + past, maxlen=SLOTS))

    def kept(self) -> list[float | None]:
        """The past from the first slot that is not empty on."""
        slots = list(self.past)
        first = next((k for k, value in enumerate(slots) if value is not None), SLOTS)
        return slots[first:]


def keep(readings: list[float], value: float) -> None:
    """Add a reading to an open slot, within bounds."""
    if len(readings) < _MOST_READINGS:
        readings.append(value)
