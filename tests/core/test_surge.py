"""The surge detector in the whole core: off by default, one alarm per episode when a rule is set, exact over restarts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from city_model.events import Alarm, Event
from city_model.faults import ConfigError
from city_model.topics import ALARMS
from stream_processor.core.alarms import canonical
from stream_processor.core.settings import CoreSettings, load_core_settings
from stream_processor.core.step import Core, Emit
from tests.core.city import CITY, NOON_MS, readings_event

RULE = '[[detectors.surge.rule]]\nname = "pm25_surge"\nquantity = "pm25"\npriority = "low"\n'
LEVELS = [20.0] * 40 + [200.0] + [20.0] * 20 + [100.0] * 60 + [10.0] * 70
VALUES = [level + (k * 7 % 11) / 4 for k, level in enumerate(LEVELS)]  # air is never still: a sensor that says so is sick


def settings(folder: Path, text: str = RULE) -> CoreSettings:
    file = folder / "core.toml"
    file.write_text(text)
    return load_core_settings(file)


def events() -> list[Event]:
    times = [NOON_MS + 60_000 * k for k in range(len(VALUES))]
    return [readings_event("air-1", k, times[k : k + 3], VALUES[k : k + 3]) for k in range(0, len(VALUES), 3)]


def alarms(emits: list[Emit]) -> list[Alarm]:
    last: dict[str, Alarm] = {}
    for emit in emits:
        if emit.topic == ALARMS and emit.event is not None:
            alarm = msgspec.json.decode(emit.event.data, type=Alarm)
            last[alarm.id] = alarm
    return [alarm for alarm in last.values() if alarm.rule == "pm25_surge"]


def test_it_is_off_by_default() -> None:
    assert not alarms(Core(CITY, load_core_settings(None), 0).step(events()))


def test_a_jump_and_a_high_mean_are_an_alarm_each_that_ends(tmp_path: Path) -> None:
    jump, high = alarms(Core(CITY, settings(tmp_path), 0).step(events()))
    assert (jump.onset_ms, jump.value) == (NOON_MS + 40 * 60_000, round(VALUES[40], 2))
    means = {k: sum(VALUES[k - 59 : k + 1]) / 60 for k in range(60, len(VALUES))}
    first = next(k for k, mean in means.items() if mean >= 60)
    assert high.onset_ms == NOON_MS + first * 60_000
    assert high.value == pytest.approx(means[first], abs=0.01)
    assert {one.condition for one in (jump, high)} == {"returned"}


def test_cuts_and_restarts_change_nothing(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    machine, emits = Core(CITY, chosen, 0), []
    for event in events():
        emits += machine.step([event])
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(machine.snapshot()))
        machine = Core(CITY, chosen, 0)
        machine.restore(state)
    assert canonical(alarms(emits)) == canonical(alarms(Core(CITY, chosen, 0).step(events())))


def test_an_unknown_quantity_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="noise"):
        settings(tmp_path, RULE.replace('"pm25"', '"noise"'))
