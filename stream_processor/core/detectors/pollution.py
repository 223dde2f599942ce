"""Pollution at one station by operational rules: a mean over a moving window, never a single value, against a limit that has a date.

A window is `slots` slots of `slot_s` seconds (60 minute means). When a slot is over, the mean of the filled slots of the window that ends
with it is judged, if at least `min_complete` of those that the station usually fills are filled; otherwise the air is unknown and nothing
changes. A station that reports every fifth minute, or once an hour, fills every fifth or sixtieth slot: its pace is the median of its last
eight steps. Onset above the limit, clear below `clear_below_ratio` of it. Rules and limits: `pollution_limits.toml` beside this file.

A slot is over when the same device reports a later one, or when a tick says that its end is past by the lateness bound.

>>> import numpy as np
>>> from stream_processor.core.detectors.port import Batch
>>> minutes = np.arange(62, dtype=np.int64) * 60_000 + 1_790_000_040_000
>>> air = Batch.of_readings("air-1", "pm25", minutes, np.full(62, 120.0))
>>> [(v.kind, v.rule, v.value) for v in make(Settings()).judge(air)]
[('onset', 'pm25_1h', 120.0)]
"""

from __future__ import annotations

import math
import tomllib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from city_model.quantities import QUANTITIES
from city_model.settings import between, from_table
from stream_processor.core.columnar import Lists, Rows, floats, ints, of_floats, of_ints, whole
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version

_CODE_VERSION = "2"
_PACE_OF = 8  # steps between filled slots
_LIMITS = Path(__file__).with_name("pollution_limits.toml")


@dataclass(frozen=True, slots=True)
class PollutionRule:
    """One averaging rule; see the file of limits for the meaning of each field."""

    name: str
    kind: Literal["regulation", "operational"]
    quantity: str
    priority: Literal["high", "medium", "low"]
    source: str
    limits: tuple[tuple[str, float], ...]
    slot_s: int = between(1, 86_400)
    slots: int = between(1, 10_000)
    min_complete: float = between(0, 1)
    clear_below_ratio: float = between(0, 1)

    def limit_at(self, at_ms: int, utc_offset_h: float) -> float | None:
        """The limit in force at local date of `at_ms`; None before the first."""
        day = (datetime.fromtimestamp(at_ms / 1000, UTC) + timedelta(hours=utc_offset_h)).date().isoformat()
        in_force = [value for since, value in self.limits if since <= day]
        return in_force[-1] if in_force else None


@dataclass(frozen=True, slots=True)
class _Table:
    rule: tuple[PollutionRule, ...]


def _default_rules() -> tuple[PollutionRule, ...]:
    return from_table(_Table, tomllib.loads(_LIMITS.read_text(encoding="utf-8")), _LIMITS.name).rule


@dataclass(frozen=True, slots=True)
class Settings:
    """`rule` replaces the shipped rules; `lateness_s` is how long after its end a silent device's slot is closed."""

    rule: tuple[PollutionRule, ...] = field(default_factory=_default_rules)
    utc_offset_h: float = between(-12, 14, default=7.0)
    lateness_s: float = between(0, 86_400, default=120.0)

    def check(self) -> Iterator[tuple[str, str, str]]:
        """Quantities must exist, names be unique."""
        for i, rule in enumerate(self.rule):
            if rule.quantity not in QUANTITIES:
                yield f"rule[{i}].quantity", repr(rule.quantity), "one of " + ", ".join(QUANTITIES)
        if len({rule.name for rule in self.rule}) < len(self.rule):
            yield "rule", "two rules of one name", "different names"


@dataclass(slots=True)
class _Window:
    """State of one (rule, device): means of past slots (None: empty), the open slot, its pace, and the alarm if there is one."""

    slot: int | None = None
    total: float = 0.0
    count: int = 0
    means: deque[float | None] = field(default_factory=deque)
    filled: int | None = None
    steps: deque[int] = field(default_factory=lambda: deque(maxlen=_PACE_OF))
    onset_ms: int | None = None
    worst: float = 0.0


class Pollution:
    """All averaging rules; one row of state per (rule, device)."""

    name = "pollution"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        self.rules: Mapping[str, Rule] = {
            r.name: Rule(r.name, rule_version(_CODE_VERSION, asdict(r)), "pollution", r.priority, QUANTITIES[r.quantity].unit)
            for r in settings.rule
        }
        self._windows: Rows[tuple[str, str], _Window] = Rows()

    def judge(self, batch: Batch) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for rule in self._s.rule:
            if rule.quantity not in batch.quantities:
                continue
            mine = batch.quantity_index == batch.quantities.index(rule.quantity)
            slots = (batch.at_ms[mine] // (rule.slot_s * 1000)).tolist()
            for row, slot, value in zip(batch.device_index[mine].tolist(), slots, batch.value[mine].tolist(), strict=True):
                verdicts += self._take(rule, batch.devices[row], slot, value)
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        verdicts: list[Verdict] = []
        windows = self._windows.sorted()
        for rule in self._s.rule:
            over = int(now_ms - self._s.lateness_s * 1000) // (rule.slot_s * 1000)
            for (name, device), window in windows:
                if name == rule.name and window.slot is not None and window.slot < over:
                    verdicts += self._close_until(rule, device, window, over)
        return verdicts

    def _take(self, rule: PollutionRule, device: str, slot: int, value: float) -> Iterator[Verdict]:
        window = self._windows.get((rule.name, device))
        if window is None:
            window = self._windows[rule.name, device] = _Window(means=deque(maxlen=rule.slots))
        if window.slot is None:
            window.slot = slot
        elif slot < window.slot:
            return  # its slot was judged already; the series has it
        elif slot > window.slot:
            yield from self._close_until(rule, device, window, slot)
        window.total += value
        window.count += 1

    def _close_until(self, rule: PollutionRule, device: str, window: _Window, slot: int) -> Iterator[Verdict]:
        """Close every slot before `slot`. After a pause longer than the window nothing of it is left to judge."""
        assert window.slot is not None
        first = window.slot
        for closing in range(first, min(slot, first + rule.slots)):
            if window.count:
                if window.filled is not None:
                    window.steps.append(closing - window.filled)
                window.filled = closing
            window.means.append(window.total / window.count if window.count else None)
            window.total, window.count = 0.0, 0
            yield from self._judge_window(rule, device, window, (closing + 1) * rule.slot_s * 1000)
        window.slot = slot

    def _judge_window(self, rule: PollutionRule, device: str, window: _Window, end_ms: int) -> Iterator[Verdict]:
        filled = [mean for mean in window.means if mean is not None]
        pace = sorted(window.steps)[len(window.steps) // 2] if window.steps else 1
        complete = min(1.0, len(filled) * pace / rule.slots)
        limit = rule.limit_at(end_ms - 1, self._s.utc_offset_h)
        if limit is None or complete < rule.min_complete or not filled:
            return
        mean = math.fsum(filled) / len(filled)
        evidence = {
            "mean": round(mean, 2),
            "completeness": round(complete, 4),
            "peak": round(max(filled), 2),
            "window_s": rule.slot_s * rule.slots,
        }
        why = f"mean of {rule.slots} x {rule.slot_s} s above {limit:g} ug/m3 ({rule.kind}: {rule.source})"

        def verdict(kind: Literal["onset", "worse", "clear"]) -> Verdict:
            onset_ms = window.onset_ms if window.onset_ms is not None else end_ms
            subject = f"{device}/{rule.quantity}"
            return Verdict(
                kind, rule.name, subject, device, end_ms, onset_ms, round(mean, 2), limit, round(complete, 3), dict(evidence), why
            )

        if window.onset_ms is None:
            if mean > limit:
                window.onset_ms, window.worst = end_ms, mean
                yield verdict("onset")
        elif mean < limit * rule.clear_below_ratio:
            yield verdict("clear")
            window.onset_ms = None
        elif mean > window.worst * 1.1:  # a tenth more is news; every minute's creeping is not
            window.worst = mean
            yield verdict("worse")

    def snapshot(self) -> dict[str, Any]:
        keys, rows = [key for key, _ in self._windows.sorted()], [window for _, window in self._windows.sorted()]
        return {
            "rules": [rule for rule, _ in keys], "devices": [device for _, device in keys],
            "slot": ints(w.slot for w in rows), "total": floats(w.total for w in rows), "count": ints(w.count for w in rows),
            "means": Lists.column(w.means for w in rows), "filled": ints(w.filled for w in rows),
            "steps": Lists.column(w.steps for w in rows), "onset_ms": ints(w.onset_ms for w in rows),
            "worst": floats(w.worst for w in rows),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        slots = {rule.name: rule.slots for rule in self._s.rule}
        rules: list[str] = state["rules"]
        slot, count, filled, onset_ms = (of_ints(state[name]).tolist() for name in ("slot", "count", "filled", "onset_ms"))
        total, worst = of_floats(state["total"]).tolist(), of_floats(state["worst"]).tolist()
        means, steps = Lists(state["means"]), Lists(state["steps"])

        def build(k: int) -> _Window:
            return _Window(
                whole(slot[k]), total[k], count[k], deque(means[k], maxlen=slots[rules[k]]), whole(filled[k]),
                deque(map(int, steps.numbers(k)), maxlen=_PACE_OF), whole(onset_ms[k]), worst[k],
            )  # fmt: skip

        self._windows = Rows(zip(rules, state["devices"], strict=True), build)


def make(settings: Settings) -> Pollution:
    """The detector with its settings."""
    return Pollution(settings)
