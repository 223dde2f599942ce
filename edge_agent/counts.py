"""What an agent counts. Cumulative since its start; items are readings, traffic samples and frames."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class AgentCounts:
    """`accepted` = committed in the outbox. accepted = stored + rejected + set aside + evicted + waiting, once acks have come."""

    accepted: int = 0
    accepted_by_device: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    stored: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    sent_batches: int = 0
    resent_batches: int = 0
    set_aside: int = 0
    evicted: int = 0
    gaps: int = 0
    faults: int = 0
    malformed_acks: int = 0

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in values.items()}
