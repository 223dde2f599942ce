"""One bar: what was measured, on how much, and what is wanted of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` against `goal` and `minimum`; `lower` where less is better. `details` are what it is made of."""

    name: str
    value: float
    goal: float
    minimum: float
    unit: str
    count: int
    counted: str
    lower: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """ "goal", "minimum" or "missed"."""
        if self.lower:
            return "goal" if self.value <= self.goal else "minimum" if self.value <= self.minimum else "missed"
        return "goal" if self.value >= self.goal else "minimum" if self.value >= self.minimum else "missed"

    def row(self) -> dict[str, Any]:
        """For machines."""
        return {
            "bar": self.name, "value": round(self.value, 4), "goal": self.goal, "minimum": self.minimum, "unit": self.unit,
            "verdict": self.verdict, "count": self.count, "counted": self.counted, "details": self.details,
        }  # fmt: skip
