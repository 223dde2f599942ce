"""Alarm figures a desk lives by, after ISA-18.2 and EEMUA 191: rate, floods, chattering, stale alarms, top sources, priorities, answers.

Pure: alarms in, figures out. Maintenance entries and what was hidden from the beginning are no load on an operator and are not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from city_model.events import Alarm

HOUR_MS = 3_600_000
FLOOD_SPAN_MS = 600_000
FLOOD_ABOVE = 10
"""More than 10 alarms in 10 minutes are a flood (EEMUA 191)."""
STALE_MS = 24 * HOUR_MS
CHATTERING_RETURNS = 3
_TOP = 10


class Source(msgspec.Struct, frozen=True):
    """How many alarms one rule raised on one subject, and what share of all that is."""

    rule: str
    subject: str
    count: int
    share: float


class Kpis(msgspec.Struct, frozen=True):
    """Figures over [start_ms, stop_ms). Shares are 0..1; None where there is nothing to judge by.

    `rate_per_hour`: alarms raised, per hour and operator; `worst_hour`: most in any hour; `flood_share`: share of time in floods;
    `answer_s`: median time to the first answer; `unanswered`: closed without one; `rejected_share`: of the answered, rejected as false.
    """

    start_ms: int
    stop_ms: int
    raised: int
    rate_per_hour: float
    worst_hour: int
    floods: int
    flood_share: float
    chattering: int
    stale: int
    top: tuple[Source, ...]
    top_share: float
    priorities: dict[str, float]
    answer_s: float | None
    unanswered: int
    rejected_share: float | None


def kpis(alarms: Iterable[Alarm], start_ms: int, stop_ms: int, operators: int = 1) -> Kpis:
    """Figures over [start_ms, stop_ms)."""
    load = sorted((a for a in alarms if is_load(a) and start_ms <= a.opened_ms < stop_ms), key=lambda a: a.opened_ms)
    opened = [a.opened_ms for a in load]
    floods, flood_ms = _floods(opened)
    top = _top(load)
    answered = [a for a in load if a.acknowledged_ms is not None and a.kind != "incident"]
    hours = max((stop_ms - start_ms) / HOUR_MS, 1e-9)
    return Kpis(
        start_ms, stop_ms, len(load), len(load) / hours / max(operators, 1), _most_within(opened, HOUR_MS), floods,
        min(1.0, flood_ms / max(stop_ms - start_ms, 1)), sum(a.recurrences >= CHATTERING_RETURNS for a in load),
        sum((a.cleared_ms or stop_ms) - a.opened_ms > STALE_MS for a in load), top, sum(s.share for s in top), _priorities(load),
        median([(a.acknowledged_ms - a.opened_ms) / 1000 for a in answered if a.acknowledged_ms is not None]) if answered else None,
        sum(a.closed_as == "unacknowledged" for a in load),
        sum(a.response == "rejected" for a in answered) / len(answered) if answered else None,
    )  # fmt: skip


def is_load(alarm: Alarm) -> bool:
    """Whether it asked an operator for attention."""
    return alarm.kind != "maintenance" and not (alarm.display == "suppressed" and alarm.version == 1)


def is_flood(alarms: Iterable[Alarm], now_ms: int) -> bool:
    """Whether more have come in the last ten minutes than one person can look at: then groups are shown instead of alarms."""
    return sum(is_load(a) and now_ms - FLOOD_SPAN_MS < a.opened_ms <= now_ms for a in alarms) > FLOOD_ABOVE


def _floods(opened: Sequence[int]) -> tuple[int, int]:
    """(how many floods, their time in all): from the first of more than ten in ten minutes to the last of them."""
    count, total_ms, end_ms, begin_ms = 0, 0, -1, 0
    for i in range(FLOOD_ABOVE, len(opened)):
        if opened[i] - opened[i - FLOOD_ABOVE] >= FLOOD_SPAN_MS:
            continue
        if opened[i - FLOOD_ABOVE] > end_ms:
            count += 1
            begin_ms = opened[i - FLOOD_ABOVE]
            total_ms += opened[i] - begin_ms
        else:
            total_ms += opened[i] - end_ms
        end_ms = opened[i]
    return count, total_ms


def _most_within(opened: Sequence[int], span_ms: int) -> int:
    most = first = 0
    for i, at_ms in enumerate(opened):
        while at_ms - opened[first] >= span_ms:
            first += 1
        most = max(most, i - first + 1)
    return most


def _top(load: Sequence[Alarm]) -> tuple[Source, ...]:
    counts = Counter((a.rule, a.subject) for a in load)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_TOP]
    return tuple(Source(rule, subject, count, count / len(load)) for (rule, subject), count in ranked)


def _priorities(load: Sequence[Alarm]) -> dict[str, float]:
    counts = Counter(a.priority for a in load)
    return {priority: counts[priority] / len(load) if load else 0.0 for priority in ("high", "medium", "low")}
