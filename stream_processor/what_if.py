"""What other settings would have done over the recorded past: every partition is judged twice, with each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from city_model.events import Alarm
from city_model.faults import ConfigError, Problem
from city_model.registry import City
from city_model.topics import INPUTS
from stream_processor.core.settings import CoreSettings, detector_modules
from stream_processor.explain import with_setting
from stream_processor.logs.port import EventLog
from stream_processor.reruns import inputs, rerun


@dataclass(frozen=True, slots=True)
class Difference:
    """Alarms by what became of them: `kept` are raised either way (perhaps at another moment), by rule and subject and episode."""

    before: tuple[Alarm, ...]
    after: tuple[Alarm, ...]
    gone: tuple[Alarm, ...]
    new: tuple[Alarm, ...]

    @property
    def kept(self) -> int:
        return len(self.before) - len(self.gone)


def changed(settings: CoreSettings, changes: Sequence[str]) -> CoreSettings:
    """`settings` with changes such as `congestion.slow_below_kmh=12`. Raises ConfigError with all problems."""
    problems: list[Problem] = []
    known = {name for name, _ in detector_modules()}
    for change in changes:
        key, equals, text = change.partition("=")
        detector, dot, field = key.partition(".")
        if not equals or not dot or detector not in known:
            problems.append(Problem("--set", change, "cannot be read", f"DETECTOR.SETTING=VALUE; detectors: {', '.join(sorted(known))}"))
            continue
        try:
            settings = with_setting(settings, detector, field, _value(text))
        except ConfigError as err:
            problems += err.problems
    if problems:
        raise ConfigError(problems)
    return settings


async def what_if(log: EventLog, city: City, settings: CoreSettings, other: CoreSettings, since_ms: int = 0) -> Difference:
    """Judge what stands in `inputs` from event time `since_ms` on with both. Raises Unavailable."""
    before: list[Alarm] = []
    after: list[Alarm] = []
    for partition in range(await log.partitions(INPUTS)):
        events = await inputs(log, partition, since_ms)
        before += rerun(city, settings, partition, events)
        after += rerun(city, other, partition, events)
    gone = [alarm for alarm in before if not any(_overlap(alarm, one) for one in after)]
    new = [alarm for alarm in after if not any(_overlap(alarm, one) for one in before)]
    return Difference(tuple(before), tuple(after), tuple(gone), tuple(new))


def _overlap(a: Alarm, b: Alarm) -> bool:
    """Of one rule and subject, and at some moment both at once."""
    if (a.rule, a.subject) != (b.rule, b.subject):
        return False
    return (a.cleared_ms is None or b.onset_ms <= a.cleared_ms) and (b.cleared_ms is None or a.onset_ms <= b.cleared_ms)


def _value(text: str) -> float | int | str | bool:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
