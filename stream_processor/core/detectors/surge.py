"""A surge at one station: its running mean is high, or one value lies far outside its own past. For any quantity; no rule is on by default.

What `window` describes, per device: slots, mean, jump, hysteresis; it is the fast path of the core, one row of state per device. Use it
where a quick word matters more than a proper averaging rule (`pollution` has those): the rule is operational, never a regulation's.

>>> import numpy as np
>>> from stream_processor.core.detectors.port import Batch
>>> minutes = np.arange(20, dtype=np.int64) * 60_000 + 1_790_000_040_000
>>> rule = SurgeRule("pm25_surge", "pm25", "medium")
>>> [(v.kind, v.value) for v in make(Settings((rule,))).judge(Batch.of_readings("air-1", "pm25", minutes, np.full(20, 70.0)))]
[('onset', 70.0)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from city_model.quantities import QUANTITIES, READINGS
from city_model.settings import matching
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version
from stream_processor.core.names import NameTable
from stream_processor.core.window import Changes, Windows, WindowSettings

_CODE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class SurgeRule:
    """One rule over one quantity; thresholds of `window` are in the quantity's unit."""

    name: str = matching(r"[a-z][a-z0-9_]{0,40}", "lower-case letters, digits and '_'")
    quantity: str = matching(r"[a-z][a-z0-9_]{0,40}", "a quantity")
    priority: Literal["high", "medium", "low"] = "medium"
    window: WindowSettings = field(default_factory=WindowSettings)


@dataclass(frozen=True, slots=True)
class Settings:
    """`rule` lists the rules; none is a rule that is off."""

    rule: tuple[SurgeRule, ...] = ()

    def check(self) -> Iterator[tuple[str, str, str]]:
        """Quantities must exist, names be unique."""
        for i, rule in enumerate(self.rule):
            if rule.quantity not in READINGS:
                yield f"rule[{i}].quantity", repr(rule.quantity), "one of " + ", ".join(sorted(READINGS))
        if len({rule.name for rule in self.rule}) < len(self.rule):
            yield "rule", "two rules of one name", "different names"


@dataclass(slots=True)
class _Watch:
    """One rule: its windows, the devices' rows, and since when a row is in alarm."""

    rule: SurgeRule
    windows: Windows
    table: NameTable
    since_ms: dict[int, int]


class Surge:
    """All rules; one row of state per (rule, device)."""

    name = "surge"

    def __init__(self, settings: Settings) -> None:
        self._watches = [_Watch(rule, Windows(rule.window), NameTable(), {}) for rule in settings.rule]
        self.rules: Mapping[str, Rule] = {
            r.name: Rule(r.name, rule_version(_CODE_VERSION, asdict(r)), "pollution", r.priority, QUANTITIES[r.quantity].unit)
            for r in settings.rule
        }

    def judge(self, batch: Batch) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for watch in self._watches:
            if watch.rule.quantity not in batch.quantities:
                continue
            mine = np.flatnonzero(batch.quantity_index == batch.quantities.index(watch.rule.quantity))
            used = np.unique(batch.device_index[mine])
            rows = np.full(len(batch.devices), -1, np.int32)
            rows[used] = [watch.table.number(batch.devices[k]) for k in used.tolist()]
            row, at_ms, value = rows[batch.device_index[mine]], batch.at_ms[mine], batch.value[mine]
            verdicts += _verdicts(watch, watch.windows.take(row, at_ms, value), row.tolist(), at_ms.tolist(), value.tolist())
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        """Nothing: a station that is silent says nothing new about its air."""
        return []

    def snapshot(self) -> dict[str, Any]:
        return {
            watch.rule.name: [watch.table.names, watch.windows.snapshot(), [list(pair) for pair in watch.since_ms.items()]]
            for watch in self._watches
        }

    def restore(self, state: dict[str, Any]) -> None:
        for watch in self._watches:
            names, windows, since = state[watch.rule.name]
            watch.table = NameTable()
            for name in names:
                watch.table.number(name)
            watch.windows.restore(windows)
            watch.since_ms = {row: at_ms for row, at_ms in since}


def _verdicts(watch: _Watch, changes: Changes, row: list[int], at_ms: list[int], value: list[float]) -> Iterator[Verdict]:
    rule, window = watch.rule, watch.rule.window
    columns = (changes.position, changes.opened, changes.mean, changes.count, changes.z)
    for k, opened, mean, count, z in zip(*(column.tolist() for column in columns), strict=True):
        device, x = watch.table.names[row[k]], value[k]
        onset_ms = watch.since_ms.setdefault(row[k], at_ms[k])
        if not opened:
            del watch.since_ms[row[k]]
        by_mean = mean >= window.open_mean and count >= window.open_count
        why = (
            f"mean of the last {window.slots} x {window.slot_s} s at {window.open_mean:g} or more"
            if by_mean
            else f"a value {window.open_z:g} deviations or more above its own past"
        )
        yield Verdict(
            "onset" if opened else "clear", rule.name, f"{device}/{rule.quantity}", device, at_ms[k], onset_ms,
            round(mean if by_mean or not opened else x, 2), window.open_mean if by_mean else window.open_value,
            evidence={"mean": round(mean, 2), "count": float(count), "z": round(z, 2), "value": round(x, 2)}, why=why,
        )  # fmt: skip


def make(settings: Settings) -> Surge:
    """The detector with its settings."""
    return Surge(settings)
