"""Detector: judges ordered batches and keeps one row of state per subject.

The step hands a detector, per call, only data of one partition; within a device it is in sequence order, free of duplicates and of
late items. What a detector says must depend only on each device's own order (and on ticks), never on how batches were cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from city_model.events import AlarmKind, TrafficSample
from city_model.registry import City


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

    @classmethod
    def of_samples(cls, samples: Sequence[DeviceSamples]) -> Batch:
        """A batch of traffic samples only."""
        none = np.empty(0)
        return cls((), (), none.astype(np.int32), none.astype(np.uint16), none.astype(np.int64), none, samples)

    @classmethod
    def of_readings(cls, device: str, quantity: str, at_ms: NDArray[np.int64], value: NDArray[np.float64]) -> Batch:
        """A batch of one quantity of one device."""
        return cls((device,), (quantity,), np.zeros(len(value), np.int32), np.zeros(len(value), np.uint16), at_ms, value)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule a detector applies. `version` changes with the code or the settings: an alarm names the rule it came from exactly."""

    name: str
    version: str
    alarm_kind: AlarmKind
    priority: Literal["high", "medium", "low"]
    unit: str


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
    confidence: float = 1.0
    evidence: dict[str, float] = field(default_factory=dict)
    why: str = ""


class Detector(Protocol):
    """One or several rules over one kind of data. Settings come with the constructor; state comes only from `restore`.

    A module of this folder offers `Settings` (a settings dataclass, all fields with defaults) and `make(settings) -> Detector`.
    """

    name: str
    rules: Mapping[str, Rule]

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


@runtime_checkable
class NeedsPlaces(Protocol):
    """A detector that judges several stations at once and must know where they are. Told once, before anything else."""

    def stand_in(self, city: City) -> None: ...


def rule_version(code_version: str, settings: object) -> str:
    """Version of a rule: of its code, and of its settings as a short hash, so that an alarm says exactly what raised it."""
    digest = hashlib.sha256(msgspec.json.encode(settings, order="deterministic")).hexdigest()
    return f"{code_version}+{digest[:8]}"
