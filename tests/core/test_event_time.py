"""Event time: whatever arrives within the bound, in whatever order and batches, comes out the same; what is later is told apart."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from city_model.codec import observations
from city_model.events import Alarm, DeviceHours, Event, EventType
from city_model.faults import ConfigError
from city_model.topics import ALARMS, DEAD_LETTER
from stream_processor.core.alarms import canonical
from stream_processor.core.settings import CoreSettings, load_core_settings
from stream_processor.core.step import Core, Emit
from tests.core.city import CITY, NOON_MS, gap_event, readings_event, sample, samples_event, tick

LATENESS_MS, TICK_MS, MINUTE_MS = 240_000, 60_000, 60_000


def patient() -> CoreSettings:
    """Everything waits for LATENESS_MS."""
    plain = load_core_settings(None)
    waits = LATENESS_MS / 1000
    named = {name: replace(one, lateness_s=waits) if hasattr(one, "lateness_s") else one for name, one in plain.detectors.items()}
    derived = {name: replace(one, lateness_s=waits) if hasattr(one, "lateness_s") else one for name, one in plain.derivations.items()}
    return replace(plain, lateness_s=waits, detectors=named, derivations=derived)


SETTINGS = patient()


def story() -> list[Event]:
    """A jam, smoke at a station with a sequence that restarts half-way, and smoke at a station that has none."""
    events = []
    for k in range(0, 120, 4):
        rows = [sample(NOON_MS + 5_000 * j, *((7.0, 0.6) if 12 <= j < 60 else (35.0, 0.1))) for j in range(k, k + 4)]
        events.append(samples_event(k, rows))
    for i in range(0, 120, 3):
        times = [NOON_MS + MINUTE_MS * j for j in range(i, i + 3)]
        values = [200.0 if 20 <= j < 80 else 25.0 for j in range(i, i + 3)]
        boot, seq = ("b1", i) if i < 60 else ("b2", i - 60)
        events.append(readings_event("air-1", seq, times, values, boot=boot))
        events.append(readings_event("air-2", -1, times, values, boot=""))
    return events


def first_ms(event: Event) -> int:
    return event.at_ms - (event.count - 1) * (5_000 if event.type == EventType.SAMPLES else MINUTE_MS)


def arrival(events: list[Event], rnd: random.Random, delay_ms: int) -> list[Event]:
    """Events and ticks as the log has them: each event up to `delay_ms` after its newest item, ticks on time."""
    rows = [(event.at_ms + 1 + (rnd.randrange(delay_ms) if delay_ms else 0), k, event) for k, event in enumerate(events)]
    last = max(event.at_ms for event in events) + 3_600_000
    rows += [(at, -1, tick(at)) for at in (*range(NOON_MS, last, TICK_MS), last + 3_600_000)]
    return [event for _, _, event in sorted(rows, key=lambda row: row[:2])]


def parts(events: list[Event], rnd: random.Random) -> list[list[Event]]:
    edges = sorted(rnd.sample(range(1, len(events)), 12))
    return [events[a:b] for a, b in itertools.pairwise([0, *edges, len(events)])]


Hours = dict[tuple[str, int], Counter[str]]


def output(emits: list[Emit]) -> tuple[bytes, list[tuple[str, int, float, int]], Hours]:
    """All that is decided, in a canonical form: alarms, points of the series with their flags, the account of every device and hour."""
    alarms: dict[str, Alarm] = {}
    points: dict[tuple[str, int], tuple[str, int, float, int]] = {}
    hours: Hours = defaultdict(Counter)
    for emit in emits:
        assert emit.topic != DEAD_LETTER
        event = emit.event
        if event is None:
            continue
        if emit.topic == ALARMS:
            alarm = msgspec.json.decode(event.data, type=Alarm)
            alarms[alarm.id] = alarm
        elif event.type == EventType.OBSERVATIONS:
            columns, flags = observations.decode(event.data)
            for name, at_ms, value in zip(columns.name_index.tolist(), columns.at_ms.tolist(), columns.value.tolist(), strict=True):
                points[columns.names[name], at_ms] = (columns.names[name], at_ms, value, flags)
        elif event.type == EventType.DEVICE_HOURS:
            for row in msgspec.json.decode(event.data, type=DeviceHours).rows:
                hours[row.device, row.hour_ms].update(received=row.received, duplicates=row.duplicates, late=row.late, missing=row.missing)
    return canonical(alarms.values()), sorted(points.values()), hours


def run(batches: list[list[Event]]) -> list[Emit]:
    machine = Core(CITY, SETTINGS, 0)
    return [emit for batch in batches for emit in machine.step(batch)]


IN_ORDER = output(run([arrival(story(), random.Random(0), 0)]))


def test_the_story_has_its_alarms() -> None:
    found = msgspec.json.decode(IN_ORDER[0])
    assert {"cam-1/north", "air-1/pm25", "air-2/pm25"} <= {alarm["subject"] for alarm in found}


@given(st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(random.Random(1))
def test_any_arrival_within_the_bound_and_any_batches_give_the_same_bytes(rnd: random.Random) -> None:
    bound = min(LATENESS_MS - (event.at_ms - first_ms(event)) for event in story()) - TICK_MS
    arrived = arrival(story(), rnd, max(bound, 1))
    assert output(run(parts(arrived, rnd))) == IN_ORDER


@given(st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None, phases=[Phase.generate])
def test_duplicates_anywhere_change_nothing_but_their_count(rnd: random.Random) -> None:
    events = story()
    again = rnd.sample(events, 15)
    arrived = arrival(events, random.Random(0), 0)
    for event in again:
        at = arrived.index(event) + 1
        arrived.insert(rnd.randrange(at, min(at + 80, len(arrived) - 1)), event)  # within the time they are remembered
    alarms, points, hours = output(run(parts(arrived, rnd)))
    assert (alarms, points) == IN_ORDER[:2]
    counted, expected = sum(hours.values(), Counter()), sum(IN_ORDER[2].values(), Counter())
    extra = sum(event.count for event in again)
    assert counted == expected + Counter(received=extra, duplicates=extra)


def test_a_backlog_later_than_the_bound_raises_nothing_is_kept_and_is_marked() -> None:
    now = tick(NOON_MS + 24 * 3_600_000)
    emits = run([[now, *story()], [tick(NOON_MS + 25 * 3_600_000)]])
    alarms, points, hours = output(emits)
    assert not [a for a in msgspec.json.decode(alarms) if a["kind"] in ("congestion", "pollution")]
    raw = {(name, at_ms): value for name, at_ms, value, _ in IN_ORDER[1]}
    late = {(name, at_ms): (value, flags) for name, at_ms, value, flags in points}
    for place, value in raw.items():
        if place[0].endswith("/pm25") or place[0].startswith("cam-1/"):
            assert late[place] == (value, 1)
    assert {hour: (row["received"], row["late"]) for (device, hour), row in hours.items() if device == "air-1"} == {
        NOON_MS: (60, 60), NOON_MS + 3_600_000: (60, 60),
    }  # fmt: skip


def test_one_bad_clock_is_set_aside_and_moves_nobody_elses_time() -> None:
    ahead = [replace(e, device="cam-1") for e in [samples_event(200 + k, [sample(NOON_MS + 10**9 + k, 5.0, 0.9)]) for k in range(3)]]
    machine = Core(CITY, SETTINGS, 0)
    emits = machine.step([tick(NOON_MS - TICK_MS), *ahead])
    assert [e.topic for e in emits if e.topic == DEAD_LETTER] == [DEAD_LETTER] * 3
    rest = [event for event in arrival(story(), random.Random(0), 0) if event.device != "cam-1"]
    others = output([emit for emit in machine.step(rest) if emit.topic != DEAD_LETTER])
    assert [p for p in others[1] if p[0].startswith("air")] == [p for p in IN_ORDER[1] if p[0].startswith("air")]


def test_an_idle_stations_window_is_closed_by_ticks() -> None:
    times = [NOON_MS + MINUTE_MS * i for i in range(60)]
    machine = Core(CITY, SETTINGS, 0)
    held = machine.step([readings_event("air-1", 0, times, [200.0] * 45 + [500.0] * 15)])
    last = [a for a in msgspec.json.decode(output(held)[0]) if a["rule"] == "pm25_1h"]
    closed = machine.step([tick(times[-1] + MINUTE_MS + LATENESS_MS)])
    (alarm,) = [a for a in msgspec.json.decode(output([*held, *closed])[0]) if a["rule"] == "pm25_1h"]
    assert last
    assert alarm["worst_value"] >= last[0]["worst_value"]


def test_what_a_gap_record_and_a_lost_message_leave_out_is_counted_as_missing() -> None:
    machine = Core(CITY, SETTINGS, 0)
    machine.step([tick(NOON_MS), readings_event("air-1", 0, [NOON_MS], [20.0]), gap_event("air-1", "b1", 1, 4)])
    machine.step([readings_event("air-1", 8, [NOON_MS + MINUTE_MS], [20.0])])
    (account,) = [e.event for e in machine.step([tick(NOON_MS + 3_600_000)]) if e.event and e.event.type == EventType.DEVICE_HOURS]
    rows = msgspec.json.decode(account.data, type=DeviceHours).rows
    assert [(row.device, row.received, row.missing) for row in rows] == [("air-1", 2, 4 + 3)]


def test_what_still_comes_of_an_older_boot_is_late_and_comes_in_once() -> None:
    machine = Core(CITY, SETTINGS, 0)
    times = [NOON_MS + MINUTE_MS * i for i in range(4)]
    old, new = readings_event("air-1", 0, times[:2], [1.0, 2.0]), readings_event("air-1", 0, times[2:], [3.0, 4.0], boot="b2")
    machine.step([tick(NOON_MS), old, new, tick(NOON_MS + 3_000_000)])
    again = readings_event("air-1", 1, [times[1], times[1] + 1], [2.0, 2.5])
    _, points, _ = output(machine.step([again, again]))
    assert [p for p in points if p[0] == "air-1/pm25"] == [("air-1/pm25", times[1] + 1, 2.5, 1)]


def test_a_detector_may_not_close_its_windows_before_the_bound_has_passed(tmp_path: Path) -> None:
    file = tmp_path / "core.toml"
    file.write_text("lateness_s = 240.0\n")
    with pytest.raises(ConfigError, match=r"detectors.pollution.lateness_s: 120; expected at least lateness_s \(240\)"):
        load_core_settings(file)
