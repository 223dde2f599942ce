"""The core as a whole: the same inputs give the same alarms however they arrive and however they are cut."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_model.codec import observations
from city_model.events import Alarm, AlarmEvent, Command, DeadLetter, Event, Readings, Report
from city_model.registry import Device
from city_model.topics import ALARM_EVENTS, ALARMS, DEAD_LETTER, OBSERVATIONS
from stream_processor.core import observed
from stream_processor.core.alarms import alarms_sha256, canonical
from stream_processor.core.parcel import Parcel, Ready, Use
from stream_processor.core.settings import load_core_settings
from stream_processor.core.step import Core, Emit
from tests.core.city import CITY, NOON_MS, command_event, gap_event, readings_event, sample, samples_event, tick

SETTINGS = load_core_settings(None)


def core() -> Core:
    return Core(CITY, SETTINGS, 0)


def alarms_of(emits: list[Emit]) -> list[Alarm]:
    """The last state of every alarm."""
    last: dict[str, Alarm] = {}
    for emit in emits:
        if emit.topic == ALARMS and emit.event is not None:
            alarm = msgspec.json.decode(emit.event.data, type=Alarm)
            last[alarm.id] = alarm
    return list(last.values())


def transitions_of(emits: list[Emit]) -> list[AlarmEvent]:
    return [msgspec.json.decode(e.event.data, type=AlarmEvent) for e in emits if e.topic == ALARM_EVENTS and e.event]


def dead_of(emits: list[Emit]) -> list[DeadLetter]:
    return [msgspec.json.decode(e.event.data, type=DeadLetter) for e in emits if e.topic == DEAD_LETTER and e.event]


def jam_events() -> list[Event]:
    """Free for a minute, four minutes of jam, free again; one sample each 5 s, two a message."""
    out, seq = [], 0
    for k in range(0, 120, 2):
        pair = [sample(NOON_MS + 5_000 * j, *((7.0, 0.6) if 12 <= j < 60 else (35.0, 0.1))) for j in (k, k + 1)]
        out.append(samples_event(seq, pair))
        seq += 2
    return out


def smoke_events(device: str) -> list[Event]:
    """90 clean minutes, then smoke for 60, then clean air again; five readings a message."""
    values = [25.0] * 90 + [200.0] * 60 + [25.0] * 120
    times = [NOON_MS + 60_000 * i for i in range(len(values))]
    return [readings_event(device, i, times[i : i + 5], values[i : i + 5]) for i in range(0, len(values), 5)]


def test_a_jam_is_one_alarm_with_onset_worst_and_end() -> None:
    emits = core().step(jam_events())
    (alarm,) = alarms_of(emits)
    assert (alarm.rule, alarm.subject, alarm.area, alarm.condition) == ("congestion", "cam-1/north", "corridor", "returned")
    assert alarm.onset_ms == NOON_MS + 11 * 5_000  # the first slow sample covers the 5 s before its time
    assert alarm.opened_ms == alarm.onset_ms + 120_000
    assert alarm.cleared_ms == NOON_MS + 59 * 5_000 + 180_000
    assert [t.transition for t in transitions_of(emits)] == ["opened", "cleared"]
    assert alarm.evidence["free_speed_kmh"] == pytest.approx(35.0)


def test_smoke_is_an_alarm_of_the_hourly_mean_and_not_of_a_single_value() -> None:
    emits = core().step(smoke_events("air-1"))
    (alarm,) = alarms_of(emits)
    assert (alarm.rule, alarm.subject, alarm.condition) == ("pm25_1h", "air-1/pm25", "returned")
    # mean over 60 minutes first above 80: (60 - n) * 25 + n * 200 > 80 * 60  ->  n = 19
    assert alarm.opened_ms == NOON_MS + (90 + 19) * 60_000
    assert alarm.value == pytest.approx((41 * 25 + 19 * 200) / 60, abs=0.01)


def test_a_single_spike_raises_nothing() -> None:
    times = [NOON_MS + 60_000 * i for i in range(180)]
    assert not alarms_of(core().step([readings_event("air-1", 0, times, [900.0 if i == 90 else 20.0 for i in range(180)])]))


def cut(events: list[Event], rnd: random.Random) -> list[list[Event]]:
    edges = sorted(rnd.sample(range(1, len(events)), rnd.randint(0, min(12, len(events) - 1))))
    return [events[a:b] for a, b in itertools.pairwise([0, *edges, len(events)])]


STORY = [*jam_events(), *smoke_events("air-1"), *smoke_events("air-2")]
EXPECTED = alarms_sha256(alarms_of(core().step(STORY)))


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_any_cutting_order_and_duplication_within_the_bound_gives_the_same_alarms(rnd: random.Random) -> None:
    events = STORY + rnd.sample(STORY, 20)
    rnd.shuffle(events)  # no tick passes in between: all of it is within the bound
    machine, emits = core(), []
    for part in cut(events, rnd):
        emits += machine.step(part)
    assert alarms_sha256(alarms_of(emits)) == EXPECTED


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_a_crash_anywhere_and_a_restart_from_the_snapshot_changes_nothing(rnd: random.Random) -> None:
    shuffled = rnd.sample(STORY, len(STORY))
    machine, emits, plain = core(), [], core().step(shuffled)
    for part in cut(shuffled, rnd):
        emits += machine.step(part)
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(machine.snapshot()))
        machine = core()
        machine.restore(state)
    assert canonical(alarms_of(emits)) == canonical(alarms_of(plain))


def test_a_gap_waits_for_ticks_and_no_longer_than_the_bound() -> None:
    machine = core()
    jam = jam_events()
    held = machine.step([jam[0], *jam[2:]])  # the second message is missing
    assert not alarms_of(held)
    assert not alarms_of(machine.step([tick(NOON_MS + 100_000)]))
    released = machine.step([tick(NOON_MS + 20 * 60_000)])
    assert [a.subject for a in alarms_of(released) if a.kind == "congestion"] == ["cam-1/north"]
    late = machine.step([jam[1]])
    assert [observations.decode(e.event.data)[1] for e in late if e.topic == OBSERVATIONS and e.event] == [1]


def test_a_gap_record_ends_the_waiting_at_once() -> None:
    machine = core()
    jam = jam_events()
    emits = machine.step([jam[0], *jam[2:], gap_event("cam-1", "b1", 2, 3)])
    assert len(alarms_of(emits)) == 1


def test_a_backlog_older_than_the_bound_enters_the_series_and_raises_nothing() -> None:
    emits = core().step([tick(NOON_MS + 24 * 3_600_000), *jam_events()])
    assert not alarms_of(emits)
    points = [e.event for e in emits if e.event and e.event.content_type == observations.CONTENT_TYPE]
    assert {observations.decode(event.data)[1] for event in points} == {1}


def test_a_reading_from_the_future_is_set_aside_and_moves_nobodys_time() -> None:
    machine = core()
    machine.step([tick(NOON_MS)])
    ahead = NOON_MS + 3_600_000
    emits = machine.step([readings_event("air-1", 0, [NOON_MS, ahead, NOON_MS + 1], [20.0, 20.0, 20.0])])
    assert [d.code for d in dead_of(emits)] == ["future"]
    report = machine.step([tick(NOON_MS + 5_000)])
    counts = [msgspec.json.decode(e.event.data, type=Report).counts for e in report if e.event and e.event.type.endswith("report.v1")]
    assert counts[0]["future"] == 1
    assert counts[0]["readings"] == 3
    assert machine.now_ms == NOON_MS + 5_000


def test_duplicates_are_counted_once_per_reading_even_when_cut_differently() -> None:
    machine = core()
    times = [NOON_MS + 1000 * i for i in range(10)]
    machine.step([readings_event("air-1", 0, times, [1.0] * 10)])
    machine.step([readings_event("air-1", 5, times[5:], [1.0] * 5), readings_event("air-1", 8, [*times[8:], times[9] + 1], [1.0] * 3)])
    (report,) = [e for e in machine.step([tick(NOON_MS)]) if e.topic == OBSERVATIONS and e.event]
    assert report.event is not None
    assert msgspec.json.decode(report.event.data, type=Report).counts["duplicates"] == 7


def test_readings_without_a_sequence_come_out_by_time_and_once() -> None:
    machine = core()
    times = [NOON_MS + 60_000 * i for i in range(70)]
    rows = [readings_event("air-1", -1, [t], [150.0], boot="") for t in times]
    random.Random(3).shuffle(rows)
    emits = machine.step([*rows, *rows[:30]])
    assert not alarms_of(emits)
    (alarm,) = alarms_of(machine.step([tick(times[-1] + 400_000)]))
    assert alarm.opened_ms == NOON_MS // 60_000 * 60_000 + 45 * 60_000


def test_an_acknowledgement_is_done_once_and_a_stale_one_is_refused_with_the_name_of_who_was_first() -> None:
    machine = core()
    (alarm,) = alarms_of(machine.step(jam_events()[:45]))
    first = Command("c1", "acknowledge", alarm.id, alarm.version, "An", NOON_MS)
    second = Command("c2", "acknowledge", alarm.id, alarm.version, "Bình", NOON_MS + 1)
    done = transitions_of(machine.step([command_event(first), command_event(first), command_event(second)]))
    assert [(t.transition, t.by) for t in done] == [("acknowledged", "An"), ("refused", "Bình")]
    assert "An" in done[1].why


def test_unknown_devices_malformed_payloads_and_unknown_alarms_are_dead_letters_and_nothing_stops() -> None:
    good = jam_events()
    bad = [
        replace(good[0], device="ghost"),
        replace(good[0], data=b"{"),
        command_event(Command("c9", "acknowledge", "nope", 1, "An", NOON_MS)),
        replace(good[0], type="city.saola.unknown.v9"),
    ]
    emits = core().step([*bad, *good])
    assert [d.code for d in dead_of(emits)] == ["unknown_device", "malformed", "unknown_alarm", "unknown_type"]
    assert len(alarms_of(emits)) == 1


def test_a_sick_camera_proves_nothing() -> None:
    slow = [sample(NOON_MS + 5_000 * j, 5.0, 0.7, health="ok" if j % 12 else "blurred") for j in range(100)]
    assert not alarms_of(core().step([samples_event(0, slow)]))


def test_a_batch_with_more_names_than_sixteen_bits_count_is_observed_whole() -> None:
    devices = tuple(Device(f"air-{k:05d}", "s2", quantities=("pm25",)) for k in range(70_000))
    columns = Readings(("pm25",), np.zeros(1, np.uint16), np.array([NOON_MS]), np.array([20.0]))
    ready = [Ready(Parcel.of(device.id, "b", 0, columns), Use.BOTH) for device in devices]
    decoded = [observations.decode(data)[0] for data, _, _ in observed.observations(ready)]
    assert max(len(data) for data, _, _ in observed.observations(ready)) < 512 * 1024
    assert [part.names[k] for part in decoded for k in part.name_index.tolist()] == [f"{device.id}/pm25" for device in devices]
