"""How alarms behave, `[alarms]` of `core.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from city_model.settings import between


@dataclass(frozen=True, slots=True)
class Delays:
    """Of one rule, in seconds of event time: how long a condition must have held to be raised, and been over to be ended.

    A detector has its own hysteresis; these come on top, for a place that knows better. What ends before `on_s` is counted as fleeting.
    """

    on_s: float = between(0, 86_400, default=0.0)
    off_s: float = between(0, 86_400, default=0.0)


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """`realarm_s`: back within it continues the episode; later is a new one. `escalate_*_s`: unacknowledged for so long (0: never), and
    again after twice the time. `chatter_count` returns within `chatter_window_s` are chattering: the alarm is hidden (one of high
    priority is not), and one maintenance entry stands for it. Alarms of one kind and area within `group_window_s` of each other share
    a cause. `gateway_s`: how long an agent must be gone; `recover_s`: how long what it explained stays hidden after its
    return. `delays`: by rule.
    """

    realarm_s: float = between(0, 86_400, default=900.0)
    escalate_high_s: float = between(0, 86_400, default=300.0)
    escalate_medium_s: float = between(0, 86_400, default=1800.0)
    escalate_low_s: float = between(0, 86_400, default=0.0)
    chatter_count: int = between(2, 1000, default=3)
    chatter_window_s: float = between(60, 86_400, default=3600.0)
    group_window_s: float = between(0, 86_400, default=1200.0)
    gateway_s: float = between(0, 86_400, default=60.0)
    recover_s: float = between(0, 86_400, default=900.0)
    delays: dict[str, Delays] = field(default_factory=dict)

    @property
    def escalate_ms(self) -> Mapping[str, int]:
        """By priority; 0: never."""
        seconds = {"high": self.escalate_high_s, "medium": self.escalate_medium_s, "low": self.escalate_low_s}
        return {priority: round(s * 1000) for priority, s in seconds.items()}
