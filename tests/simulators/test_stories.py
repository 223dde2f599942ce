"""Stories: every problem of a file at once, and the promised alarms found again by rules in plain Python."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from city_model.faults import ConfigError
from city_model.topics import DEFAULT_PARTITIONS, partition_of
from simulators.stage import air_model, drawn_windows, frames_spec, road_model, road_spec
from simulators.story import SCENARIOS, Story, load_story, story_names
from tests.simulators.plain_rules import Found, alarms

CITY = SCENARIOS / "binh_duong" / "city.toml"

BAD = f"""
title_vi = "x"
title_en = "x"
seed = "four"
city = "{CITY}"
start = 2026-03-10T17:00:00+07:00
live_min = 0
weather = "rain"

[[camera]]
device = "cam-go-dau"
peak_veh_h = "many"
"""

BAD_DEVICES = f"""
title_vi = "x"
title_en = "x"
seed = 4
city = "{CITY}"
start = 2026-03-10T17:00:00+07:00
live_min = 10

[[camera]]
device = "cam-go-dau"
curve = "rush"
peak_veh_h = [90000, 10]
jam = [{{ direction = "north", from_min = 5, to_min = 5 }}]
drawn = [[3, 2]]

[[air]]
device = "cam-go-dau"

[[expect]]
rule = "pm25_1h"
subject = "air-vsip-1/pm25"
opened_min = [3, 1]
"""

UNKNOWN = f"""
title_vi = "x"
title_en = "x"
seed = 4
city = "{CITY}"
start = 2026-03-10T17:00:00
live_min = 10

[[camera]]
device = "cam-go-dau"
peak_veh_h = [1000]
jam = [{{ direction = "east", from_min = 1, to_min = 2 }}]

[[camera]]
device = "cam-nowhere"

[[air]]
device = "cam-an-phu"

[[fault]]
device = "air-vsip-1"
kind = "silent"
from_min = 1
to_min = 2

[[expect]]
rule = "pm25_1h"
subject = "air-vsip-1/pm25"
opened_min = [1, 3]
"""


def problems(tmp_path: Path, text: str) -> set[str]:
    (tmp_path / "story.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_story(tmp_path / "story.toml")
    return {problem.key for problem in caught.value.problems}


def test_every_wrong_value_is_reported_at_once(tmp_path: Path) -> None:
    assert problems(tmp_path, BAD) == {"seed", "live_min", "weather", "camera[0].peak_veh_h"}


def test_every_contradiction_is_reported_at_once(tmp_path: Path) -> None:
    assert problems(tmp_path, BAD_DEVICES) == {
        "start", "device cam-go-dau", "camera cam-go-dau.curve", "camera cam-go-dau.peak_veh_h", "camera cam-go-dau.jam.to_min",
        "camera cam-go-dau.drawn", "expect[0].opened_min",
    }  # fmt: skip


def test_every_stranger_to_the_city_is_reported_at_once(tmp_path: Path) -> None:
    assert problems(tmp_path, UNKNOWN) == {
        "camera cam-go-dau.peak_veh_h", "camera cam-go-dau.jam.direction", "camera cam-nowhere", "air cam-an-phu", "fault[0].device",
        "expect[0].subject",
    }  # fmt: skip


def test_a_city_that_is_not_there_is_reported_with_the_rest(tmp_path: Path) -> None:
    assert problems(tmp_path, 'title_vi = "x"\ntitle_en = "x"\ncity = "none.toml"\nlive_min = 5\nstart = 2026-03-10T17:00:00\n') == {
        "seed",
        "(file)",
    }


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match="binh_duong, rush_hour"):
        load_story("rush_hours")


@cache
def alarms_of(name: str) -> tuple[Found, ...]:
    return tuple(alarms(load_story(name)))


@pytest.fixture(scope="module", params=story_names())
def story(request: pytest.FixtureRequest) -> Story:
    return load_story(request.param)


PLAIN = {"congestion", "pm25_1h"}


def test_exactly_the_promised_alarms_come(story: Story) -> None:
    found = {(alarm.rule, alarm.subject): alarm for alarm in alarms_of(story.name)}
    assert len(found) == len(alarms_of(story.name))
    promised = [wanted for wanted in story.expect if wanted.rule in PLAIN]  # the other rules are played in tests/whole
    assert found.keys() == {(wanted.rule, wanted.subject) for wanted in promised}
    for wanted in promised:
        alarm = found[wanted.rule, wanted.subject]
        assert wanted.opened_min[0] <= alarm.opened_min <= wanted.opened_min[1]
        assert (alarm.cleared_min is None) == (wanted.cleared_min is None)
        if wanted.cleared_min is not None and alarm.cleared_min is not None:
            assert wanted.cleared_min[0] <= alarm.cleared_min <= wanted.cleared_min[1]


def test_all_devices_of_the_city_play(story: Story) -> None:
    playing = {c.device for c in story.camera} | {a.device for a in story.air}
    assert playing == {d.id for d in story.registry.device if d.kind != "agent"}


def test_the_demo_shows_both_kinds_within_six_minutes_and_has_enough_to_show() -> None:
    demo = load_story("binh_duong")
    assert (len(demo.camera) >= 6, len(demo.air) >= 8, demo.history_min >= 240) == (True, True, True)
    shown = [wanted for wanted in demo.expect if wanted.rule in PLAIN]
    assert all(wanted.opened_min[0] >= 0 and wanted.opened_min[1] <= 6 for wanted in shown)
    assert {wanted.rule for wanted in shown} == PLAIN


@pytest.mark.parametrize("first_owns", [range(0, 6), range(0, 12, 2)], ids=["halves", "every other partition"])
def test_two_workers_both_own_areas_with_alarms_however_partitions_are_dealt(first_owns: range) -> None:
    rush = load_story("rush_hour")
    areas = {rush.registry.area_of(wanted.subject.partition("/")[0]) for wanted in rush.expect}
    owners = {partition_of(area, DEFAULT_PARTITIONS) in first_owns for area in areas}
    assert (len(areas), owners) == (4, {True, False})


def test_in_the_middle_of_the_rush_hour_an_alarm_is_open_in_every_area() -> None:
    rush = load_story("rush_hour")
    open_now = {
        rush.registry.area_of(a.subject.partition("/")[0])
        for a in alarms_of("rush_hour")
        if a.opened_min < 23 and (a.cleared_min is None or a.cleared_min > 25)
    }
    assert open_now == set(rush.registry.areas)


def test_in_the_rush_hour_one_jam_clears_while_the_other_lasts() -> None:
    jams = [a for a in alarms_of("rush_hour") if a.rule == "congestion"]
    assert sorted(jam.cleared_min is None for jam in jams) == [False, True]


def test_a_road_has_one_seed_whether_it_is_drawn_or_sampled() -> None:
    demo = load_story("binh_duong")
    window = drawn_windows(demo, "cam-go-dau")[0]
    drawn = frames_spec(demo, "cam-go-dau", *window)
    assert {k: v for k, v in drawn.items() if k not in ("start_ms", "stop_ms")} == road_spec(demo, "cam-go-dau")
    assert road_spec(demo, "cam-go-dau")["seed"] != road_spec(demo, "cam-an-phu")["seed"]
    assert window == (demo.live_ms, demo.end_ms)


def test_times_are_local_and_in_order() -> None:
    demo = load_story("binh_duong")
    assert demo.live_ms == 1_773_138_600_000  # 2026-03-10 10:30 UTC
    assert (demo.end_ms - demo.live_ms, demo.live_ms - demo.begin_ms) == (130 * 60_000, 240 * 60_000)
    assert road_model(demo, "cam-go-dau").spec.origin_ms == demo.begin_ms
    assert set(air_model(demo).stations) == {part.device for part in demo.air}
