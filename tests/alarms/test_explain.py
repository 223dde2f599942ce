"""An explanation is checked by judging the same inputs again: the counterfactual is quiet, and a little less is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from city_model.events import Alarm, Event
from city_model.faults import ConfigError
from city_model.topics import DEFAULT_PARTITIONS, INPUTS, LOG_TOPICS, partition_of
from stream_processor.cli_alarms import alarms
from stream_processor.core.settings import load_core_settings
from stream_processor.explain import Explanation, explain, with_setting
from stream_processor.logs.open import open_log
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import to_record
from stream_processor.reruns import inputs, rerun
from stream_processor.what_if import changed, what_if
from tests.core.city import CITY, NOON_MS, readings_event, sample, samples_event, tick

SETTINGS = load_core_settings(None)
CORRIDOR = partition_of("corridor", DEFAULT_PARTITIONS)
REGISTRY = """
name_vi = "Thành phố thử"
name_en = "Test city"
[[area]]
id = "corridor"
[[site]]
id = "s1"
area = "corridor"
vi = "Ngã tư"
en = "Junction"
latitude = 11.0
longitude = 106.6
[[device]]
id = "cam-1"
site = "s1"
kind = "camera"
[[device.directions]]
id = "north"
"""


def a_jam(speed_kmh: float = 9.0) -> list[Event]:
    """Free, four minutes of jam, free again."""
    samples = [sample(NOON_MS + 5_000 * j, *((speed_kmh, 0.6) if 12 <= j < 60 else (35.0, 0.1))) for j in range(120)]
    return [*(samples_event(j, samples[j : j + 2]) for j in range(0, 120, 2)), tick(NOON_MS + 600_000)]


def explained(events: list[Event]) -> tuple[Alarm, Explanation]:
    (alarm,) = rerun(CITY, SETTINGS, 0, events)
    return alarm, explain(CITY, SETTINGS, 0, alarm, events)


def test_the_counterfactual_is_quiet_and_a_little_less_is_not() -> None:
    events = a_jam()
    _, told = explained(events)
    assert told.is_reproduced
    assert told.detector == "congestion"
    settings = {c.setting for c in told.counterfactuals}
    assert {"congestion.slow_below_kmh", "congestion.full_above_ratio", "congestion.hold_s"} <= settings
    for c in told.counterfactuals:
        field = c.setting.partition(".")[2]
        assert not rerun(CITY, with_setting(SETTINGS, "congestion", field, c.quiet_at), 0, events), c
        assert rerun(CITY, with_setting(SETTINGS, "congestion", field, c.raised_at), 0, events), c
    (slow,) = [c for c in told.counterfactuals if c.setting == "congestion.slow_below_kmh"]
    assert slow.quiet_at == pytest.approx(9.0, abs=0.01)


def test_every_observation_that_counted_is_named() -> None:
    alarm, told = explained(a_jam())
    speeds = [p for p in told.observations if p.series == "cam-1/north/speed_kmh"]
    assert len(speeds) == 1 + (alarm.opened_ms - alarm.onset_ms) // 5_000
    assert {p.value for p in speeds[1:]} == {9.0}
    assert {p.at_ms for p in speeds} == set(range(alarm.onset_ms, alarm.opened_ms + 1, 5_000))


def test_an_alarm_of_a_mean_is_explained_by_its_whole_window() -> None:
    values = [25.0] * 90 + [200.0] * 60 + [25.0] * 120
    times = [NOON_MS + 60_000 * i for i in range(len(values))]
    events = [readings_event("air-1", i, times[i : i + 5], values[i : i + 5]) for i in range(0, len(values), 5)]
    (alarm,) = [a for a in rerun(CITY, SETTINGS, 0, events) if a.rule == "pm25_1h"]
    told = explain(CITY, SETTINGS, 0, alarm, events)
    assert told.is_reproduced
    raw = [p for p in told.observations if p.series == "air-1/pm25"]
    assert sum(p.value == 200.0 for p in raw) == pytest.approx(19, abs=1)


def test_what_can_no_longer_be_reproduced_says_so() -> None:
    events = a_jam()
    (alarm,) = rerun(CITY, SETTINGS, 0, events)
    told = explain(CITY, SETTINGS, 0, alarm, events[:10])
    assert (told.is_reproduced, told.counterfactuals) == (False, ())


@pytest.fixture
async def past(tmp_path: Path) -> AsyncIterator[tuple[EventLog, str, Path]]:
    """A log that holds two jams, one slower than the other, and the registry."""
    url, registry = f"sqlite:{tmp_path / 'log'}", tmp_path / "city.toml"
    registry.write_text(REGISTRY, encoding="utf-8")
    log = await open_log(url)
    await log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
    await log.append(INPUTS, [(CORRIDOR, to_record(event)) for event in a_jam(9.0)])
    yield log, url, registry
    await log.close()


async def test_what_if_equals_a_plain_run_with_the_other_settings(past: tuple[EventLog, str, Path]) -> None:
    log, _, _ = past
    events = await inputs(log, CORRIDOR)
    for change, remaining in (("congestion.slow_below_kmh=8", 0), ("congestion.hold_s=60", 1), ("congestion.full_above_ratio=0.7", 0)):
        other = changed(SETTINGS, [change])
        difference = await what_if(log, CITY, SETTINGS, other)
        assert list(difference.after) == rerun(CITY, other, CORRIDOR, events)
        assert (len(difference.before), len(difference.after)) == (1, remaining)
        assert len(difference.gone) == 1 - remaining
        assert difference.new == ()


def test_a_change_that_makes_no_sense_is_named_with_all_others() -> None:
    with pytest.raises(ConfigError) as caught:
        changed(SETTINGS, ["congestion.hold=3", "nobody.x=1", "congestion.slow_below_kmh=900", "nonsense"])
    assert len(caught.value.problems) == 4


async def test_the_command_prints_what_a_program_can_read(past: tuple[EventLog, str, Path]) -> None:
    _, url, registry = past
    asked = ["what-if", "--city", str(registry), "--log", url, "--set", "congestion.slow_below_kmh=8", "--json"]
    ran = await asyncio.to_thread(CliRunner().invoke, alarms, asked)
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert [a["rule"] for a in told["gone"]] == ["congestion"]
