"""Why an alarm was raised, and what would have kept it quiet: found by judging the recorded inputs again, not by a story told about them.

A counterfactual is a setting of the detector and the value nearest to the present one at which the same inputs raise nothing. It is
searched by halving, so it is exact to a four-thousandth of the way to the bound of the setting.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from city_model.events import Alarm, Event
from city_model.faults import ConfigError
from city_model.registry import City
from city_model.settings import from_table
from stream_processor.core.settings import CoreSettings, detector_modules
from stream_processor.reruns import Point, observed, rerun

LOOKBACK_MS = 26 * 3_600_000
"""Before the onset: a 24-hour window and its first completeness."""
_HALVINGS = 12
_MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """With `setting` at `quiet_at` the alarm would not have been raised; at `raised_at` it still would. `now` is the present value."""

    setting: str
    now: float
    raised_at: float
    quiet_at: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`is_reproduced`: the same settings raise the same alarm from the recorded inputs. `settings` are those of its detector."""

    alarm: Alarm
    is_reproduced: bool
    detector: str
    settings: dict[str, Any]
    observations: tuple[Point, ...]
    observations_in_all: int
    counterfactuals: tuple[Counterfactual, ...]


def explain(city: City, settings: CoreSettings, partition: int, alarm: Alarm, events: Sequence[Event]) -> Explanation:
    """Explain `alarm` from `events`, the inputs of its partition from `LOOKBACK_MS` before its onset on."""
    detector, own = _owner(settings, alarm)
    end_ms = alarm.cleared_ms or max((e.at_ms for e in events), default=alarm.opened_ms)
    episode = [e for e in events if e.at_ms <= end_ms + 1]
    only = [e for e in episode if e.device in ("clock", alarm.device)]  # ticks are the clock's
    if not _raises(city, settings, partition, only, alarm):
        only = episode  # it takes more than the device itself: neighbours, gateways
    is_reproduced = _raises(city, settings, partition, only, alarm)
    points = [p for p in observed(city, settings, partition, only, alarm.device) if _contributes(p, alarm)]
    found = list(_counterfactuals(city, settings, partition, alarm, only, detector, own)) if is_reproduced and detector else []
    told = dataclasses.asdict(own) if own is not None else {}
    return Explanation(alarm, is_reproduced, detector, told, tuple(points[-_MOST_SHOWN:]), len(points), tuple(found))


def with_setting(settings: CoreSettings, detector: str, field: str, value: object) -> CoreSettings:
    """`settings` with one field of one detector changed. Raises ConfigError for what is out of bounds or contradicts another."""
    module = dict(detector_modules())[detector]
    own = settings.detectors.get(detector, module.Settings())
    table = {**dataclasses.asdict(own), field: value}
    plain = {name: list(v) if isinstance(v, tuple) else v for name, v in table.items()}
    return dataclasses.replace(settings, detectors={**settings.detectors, detector: from_table(module.Settings, plain, "--set")})


def _owner(settings: CoreSettings, alarm: Alarm) -> tuple[str, Any]:
    """The detector whose rule it is, with its settings; an alarm of the book itself (gateway, incident) has none."""
    for name, module in detector_modules():
        own = settings.detectors.get(name, module.Settings())
        if alarm.rule in module.make(own).rules:
            return name, own
    return "", None


def _counterfactuals(
    city: City,
    settings: CoreSettings,
    partition: int,
    alarm: Alarm,
    events: Sequence[Event],
    detector: str,
    own: Any,  # noqa: ANN401
) -> Iterator[Counterfactual]:
    for field in dataclasses.fields(own):
        value = getattr(own, field.name)
        if "low" not in field.metadata or not isinstance(value, float):
            continue

        def is_raised(at: float, name: str = field.name) -> bool | None:
            try:
                changed = with_setting(settings, detector, name, at)
            except ConfigError:
                return None
            return _raises(city, changed, partition, events, alarm)

        for far in (float(field.metadata["low"]), float(field.metadata["high"])):
            if far != value and is_raised(far) is False:
                yield Counterfactual(f"{detector}.{field.name}", value, *_boundary(is_raised, value, far))


def _boundary(is_raised: Any, raised: float, quiet: float) -> tuple[float, float]:  # noqa: ANN401
    for _ in range(_HALVINGS):
        middle = (raised + quiet) / 2
        if is_raised(middle) is False:
            quiet = middle
        else:
            raised = middle
    return raised, quiet


def _raises(city: City, settings: CoreSettings, partition: int, events: Sequence[Event], alarm: Alarm) -> bool:
    """Whether `events` raise this rule on this subject during the episode of `alarm`."""
    return any(
        other.rule == alarm.rule and other.subject == alarm.subject and other.opened_ms >= alarm.onset_ms
        for other in rerun(city, settings, partition, events)
    )


def _contributes(point: Point, alarm: Alarm) -> bool:
    """Observations of the subject from the beginning of its window to the opening."""
    window_ms = round(1000 * alarm.evidence.get("window_s", 0.0))
    return point.series.startswith(alarm.subject) and min(alarm.onset_ms, alarm.opened_ms - window_ms) <= point.at_ms <= alarm.opened_ms
