"""Derivation: makes further series out of the readings, such as an air index, beside the detectors and in the same order.

The step hands it what the detectors judge, and besides what came too late for them, so that a series can be made anew where it matters.
Points are keyed by series and time, so a revised point replaces the earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from city_model.events import Readings
from stream_processor.core.detectors.port import Batch


@dataclass(frozen=True, slots=True)
class Derived:
    """Points of derived series (`names` are whole series). `is_revised`: readings that came late or behind had a part in them."""

    points: Readings
    is_revised: bool = False


class Derivation(Protocol):
    """One kind of derived series. Settings come with the constructor; state comes only from `restore`.

    A module of this folder offers `Settings` (a settings dataclass, all fields with defaults) and `make(settings) -> Derivation`. `series`
    maps what follows `device/` in the names of its series to (unit, Vietnamese name, English name).
    """

    name: str
    series: Mapping[str, tuple[str, str, str]]

    def take(self, batch: Batch) -> Sequence[Derived]:
        """What follows from readings in time and in order."""
        ...

    def revise(self, batch: Batch) -> Sequence[Derived]:
        """What changes by readings that came late."""
        ...

    def tick(self, now_ms: int) -> Sequence[Derived]:
        """What time alone completes."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """State as plain values (bytes included); `restore` of it continues exactly."""
        ...

    def restore(self, state: dict[str, Any]) -> None: ...
