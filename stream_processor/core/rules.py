"""What a worker judges by, for people to read: every rule, and each setting with where its value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from city_model.events import RuleSetting, RuleTold
from stream_processor.core.detectors.port import Detector, Rule
from stream_processor.core.settings import CoreSettings

SENSORS, ALARMS = "sensors", "alarms"


def told_rules(detectors: Sequence[Detector], of_sensors: Mapping[str, Rule], settings: CoreSettings) -> tuple[RuleTold, ...]:
    """In the order of detectors; the sensors' own last."""
    rows = [(rule, d.name, settings.detectors.get(d.name)) for d in detectors for rule in d.rules.values()]
    rows += [(rule, SENSORS, settings.sensors) for rule in of_sensors.values()]
    return tuple(
        RuleTold(rule.name, rule.version, rule.alarm_kind, rule.priority, rule.unit, source, tuple(_settings(held)))
        for rule, source, held in rows
    )


def _settings(held: Any, under: str = "") -> Iterator[RuleSetting]:  # noqa: ANN401
    """Each figure by its name in `core.toml`; `default` where nobody said otherwise."""
    if held is None:
        return
    usual = type(held)()
    for one in fields(held):
        value, default = getattr(held, one.name), getattr(usual, one.name)
        if is_dataclass(value):
            yield from _settings(value, f"{under}{one.name}.")
        else:
            yield RuleSetting(f"{under}{one.name}", _plain(value), "default" if value == default else "core.toml")


def _plain(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
