"""Detector: judges ordered batches and keeps one row of state per subject.

The step hands a detector, per call, only data of one partition; within a device it is in sequence order, free of duplicates and of
late items. What a detector says must depend only on each device's own order (and on ticks), never on how batches were cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from city_model.events import TrafficSample


@dataclass(frozen=True, slots=True)
class DeviceSamples:
    """Traffic samples of one device, in order."""

    device: str
    samples: Sequence[TrafficSample]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is judged at once. Reading columns have shape (n,), ordered by device and then by sequence.

    `device_index` points into `devices`, `quantity_index` into `quantities`.
    """

    devices: tuple[str, ...]
    quantities: tuple[str, ...]
    device_index: NDArray[np.int32]
    quantity_index: NDArray[np.uint16]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    samples: Sequence[DeviceSamples] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a detector says of one subject at one moment of event time.

    `onset` opens (its `onset_ms` is when the condition began to hold), `worse` reports a new worst value, `clear` ends.
    """

    kind: Literal["onset", "worse", "clear"]
    rule: str
    subject: str
    device: str
    at_ms: int
    onset_ms: int
    value: float
    threshold: float
    unit: str
    confidence: float = 1.0
    evidence: dict[str, float] = field(default_factory=dict)
    why: str = ""


class Detector(Protocol):
    """One rule. Settings come with the constructor; state comes only from `restore`."""

    name: str
    version: str
    alarm_kind: Literal["congestion", "pollution"]
    priority: Literal["high", "medium", "low"]

    def judge(self, batch: Batch) -> list[Verdict]:
        """Verdicts on `batch`, in order for each subject."""
        ...

    def tick(self, now_ms: int) -> list[Verdict]:
        """What time alone decides (silence, ends of windows)."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """State as plain JSON-able values; `restore` of it continues exactly."""
        ...

    def restore(self, state: dict[str, Any]) -> None: ...
