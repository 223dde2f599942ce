"""Alarms in the order an operator needs them, bounded, newest version first."""

from __future__ import annotations

import msgspec

from city_model.events import AlarmEvent
from dashboards.console import shelf as shelf_module
from dashboards.console.shelf import MOST_ALARMS, MOST_TRANSITIONS, Shelf, evidence_series
from tests.console.town import T0, acknowledged, jam, returned, smoke


def test_what_needs_somebody_comes_first_then_high_then_new() -> None:
    shelf = Shelf()
    old_jam, new_jam, air = jam(T0, "cam-bd-111"), jam(T0 + 5000, "cam-bd-112"), smoke(T0 + 9000)
    taken, over = acknowledged(jam(T0 + 1, "cam-bd-113"), T0 + 2), returned(jam(T0 + 3, "cam-bd-114"), T0 + 10_000)
    for alarm in (air, over, taken, old_jam, new_jam):
        shelf.put(alarm)
    assert [card.alarm.id for card in shelf.ranked()] == [a.id for a in (new_jam, old_jam, air, taken, over)]
    assert [card.group for card in shelf.ranked()] == ["needs", "needs", "needs", "handled", "returned"]
    assert shelf.open_subjects() == {a.subject for a in (old_jam, new_jam, air, taken)}


def test_an_older_version_changes_nothing() -> None:
    shelf, alarm = Shelf(), jam(T0)
    assert shelf.put(acknowledged(alarm, T0 + 1))
    assert not shelf.put(alarm)
    assert shelf.card(alarm.id).group == "handled"


def test_a_transition_read_twice_stands_once() -> None:
    shelf, alarm = Shelf(), jam(T0)
    event = AlarmEvent("opened", T0, "congestion", "", alarm)
    assert shelf.add(event, "3:17")
    assert not shelf.add(event, "3:17")
    assert [line.transition for line in shelf.card(alarm.id).timeline] == ["opened"]


def test_a_long_timeline_keeps_its_beginning_and_its_end() -> None:
    shelf, alarm = Shelf(), jam(T0)
    for i in range(MOST_TRANSITIONS + 20):
        worse = msgspec.structs.replace(alarm, version=i + 1)
        shelf.add(AlarmEvent("opened" if i == 0 else "worsened", T0 + i, "congestion", "", worse), f"3:{i}")
    lines = shelf.card(alarm.id).timeline
    assert len(lines) == MOST_TRANSITIONS
    assert (lines[0].transition, lines[-1].at_ms) == ("opened", T0 + MOST_TRANSITIONS + 19)


def test_beyond_the_bound_what_ended_longest_ago_goes_and_nothing_open() -> None:
    shelf = Shelf()
    shelf.put(jam(T0))
    for i in range(MOST_ALARMS + 5):
        shelf.put(returned(jam(T0 + i + 1, "cam-bd-111"), T0 + i + 2))
    assert shelf.get(jam(T0).id) is not None
    assert shelf.get(jam(T0 + 1, "cam-bd-111").id) is None
    assert len(shelf.ranked()) == shelf_module.MOST_SHOWN


def test_the_evidence_is_the_series_that_the_threshold_belongs_to() -> None:
    assert evidence_series(jam(T0)) == "cam-bd-114/south/speed_kmh"
    assert evidence_series(smoke(T0)) == "air-kk-02/pm25"
