"""Episodes: returns, delays, chattering, gateways, escalation, groups, incidents."""

from __future__ import annotations

from typing import Literal

import pytest

from city_model.events import AlarmEvent
from city_model.faults import Rejected
from stream_processor.core.alarms import Alarms
from stream_processor.core.alarms.settings import Delays
from tests.alarms.making import MINUTE_MS, T0, book, command, status, verdict


def run(alarms: Alarms, *verdicts: object) -> list[AlarmEvent]:
    return [t for v in verdicts for t in alarms.judge([v])]  # type: ignore[list-item]  # verdicts


def tick(alarms: Alarms, minute: float) -> list[AlarmEvent]:
    return list(alarms.tick(T0 + round(minute * MINUTE_MS)))


def on_and_off(minute: float) -> tuple[tuple[Literal["onset", "clear"], float], ...]:
    return ("onset", minute), ("clear", minute + 2)


def words(transitions: list[AlarmEvent]) -> list[str]:
    return [t.transition for t in transitions]


def test_back_within_the_interval_continues_the_episode() -> None:
    alarms = book()
    first = run(alarms, verdict("onset", 0), verdict("clear", 10))
    again = run(alarms, verdict("onset", 20), verdict("worse", 21, value=3.0))
    assert words(first + again) == ["opened", "cleared", "recurred", "worsened"]
    assert {t.alarm.id for t in first + again} == {first[0].alarm.id}
    assert (again[-1].alarm.condition, again[-1].alarm.recurrences, again[-1].alarm.cleared_ms) == ("active", 1, None)


def test_later_is_a_new_episode_and_the_old_one_closes_unacknowledged() -> None:
    alarms = book()
    transitions = run(alarms, verdict("onset", 0), verdict("clear", 10), verdict("onset", 40))
    assert words(transitions) == ["opened", "cleared", "closed", "opened"]
    assert transitions[2].alarm.closed_as == "unacknowledged"
    assert transitions[3].alarm.id != transitions[0].alarm.id


def test_time_alone_closes_an_episode_and_says_how() -> None:
    alarms = book()
    opened, _ = run(alarms, verdict("onset", 0), verdict("clear", 10))
    assert not tick(alarms, 26.9)  # cleared at 10, 15 minutes of interval, 2 minutes of lateness
    list(alarms.command(command("acknowledge", opened.alarm)))
    (refused,) = alarms.command(command("acknowledge", opened.alarm))
    assert refused.code == "already_acknowledged"
    assert [(t.transition, t.alarm.closed_as) for t in tick(alarms, 27.1)] == [("closed", "acknowledged")]
    assert not tick(alarms, 40)


def test_fleeting_conditions_are_counted_and_not_raised() -> None:
    alarms = book(delays={"congestion": Delays(on_s=300.0, off_s=300.0)})
    assert not run(alarms, verdict("onset", 0), verdict("worse", 1), verdict("clear", 4))
    assert (alarms.fleeting, tick(alarms, 60)) == (1, [])
    assert not run(alarms, verdict("onset", 70))
    assert not tick(alarms, 76.9)
    (raised,) = tick(alarms, 77.1)
    assert (raised.transition, raised.alarm.opened_ms) == ("opened", T0 + 75 * MINUTE_MS)
    assert not run(alarms, verdict("clear", 80), verdict("onset", 82))  # it never ended
    assert words(run(alarms, verdict("clear", 90)) + tick(alarms, 100)) == ["cleared"]


def test_chattering_is_hidden_and_one_entry_for_maintenance_stands_for_it() -> None:
    alarms = book()
    story = [verdict(kind, minute, "pm25_1h", "air-1/pm25") for start in range(0, 20, 4) for kind, minute in on_and_off(start)]
    transitions = run(alarms, *story)
    assert words(transitions).count("opened") == 2
    maintenance = [t.alarm for t in transitions if t.alarm.kind == "maintenance"]
    assert [(a.rule, a.subject) for a in maintenance] == [("chattering", "air-1/pm25#pm25_1h")]
    hidden = [t.alarm for t in transitions if t.transition == "suppressed"]
    assert [(a.display, a.suppressed_by) for a in hidden] == [("suppressed", ("chattering",))]
    later = tick(alarms, 16 + 60 + 2.1)
    assert ("cleared", "chattering") in [(t.transition, t.alarm.rule) for t in later]


def test_a_chattering_alarm_of_high_priority_stays_in_sight() -> None:
    alarms = book()
    transitions = run(alarms, *(verdict(k, m) for start in range(0, 20, 4) for k, m in on_and_off(start)))
    assert all(t.alarm.display == "shown" for t in transitions)


def test_the_loss_of_a_gateway_is_one_alarm() -> None:
    alarms = book()
    alarms.tick(T0)
    assert not list(alarms.status("gate", status("offline", 0), T0))
    early = run(alarms, verdict("onset", 0.5, "silent", "air-1"))
    down = tick(alarms, 1.1)
    late = run(alarms, *(verdict("onset", 5, "silent", f"air-{i}") for i in range(2, 9)))
    assert [t.alarm.rule for t in down if t.transition == "opened"] == ["gateway_down"]
    shown = {t.alarm.id: t.alarm for t in early + down + late}
    assert [a.rule for a in shown.values() if a.display == "shown"] == ["gateway_down"]
    assert {a.group for a in shown.values() if a.opened_ms > T0 + 2 * MINUTE_MS} == {"gateway:gate"}
    back = list(alarms.status("gate", status("online", 9), T0 + 9 * MINUTE_MS))
    assert words(back) == ["cleared"]
    assert words(run(alarms, *(verdict("clear", 10, "silent", f"air-{i}") for i in range(1, 6)))) == ["cleared"] * 5
    later = [t for minute in range(10, 30) for t in tick(alarms, minute)]
    assert sorted(t.alarm.device for t in later if t.transition == "unsuppressed") == ["air-6", "air-7", "air-8"], (
        "still silent, so its own"
    )


def test_nobody_answers_so_it_escalates_twice() -> None:
    alarms = book()
    (opened,) = run(alarms, verdict("onset", 0))
    assert words([t for minute in range(1, 60) for t in tick(alarms, minute)]) == ["escalated", "escalated"]
    alarms = book()
    run(alarms, verdict("onset", 0))
    list(alarms.command(command("acknowledge", opened.alarm)))
    assert not [t for minute in range(1, 60) for t in tick(alarms, minute)]


def test_shelving_ends_by_itself() -> None:
    alarms = book()
    (opened,) = run(alarms, verdict("onset", 0))
    (shelved,) = alarms.command(command("shelve", opened.alarm, note="đào đường", until_ms=T0 + 30 * MINUTE_MS))
    assert shelved.alarm.display == "shelved"
    assert not tick(alarms, 29)
    assert words(tick(alarms, 30)) == ["unshelved"]


def test_a_corridor_shares_one_group_until_the_window_is_over() -> None:
    alarms = book()
    a, b, c = run(alarms, verdict("onset", 0), verdict("onset", 15, subject="cam-1/south"), verdict("onset", 50, subject="cam-1/east"))
    assert a.alarm.group == b.alarm.group == a.alarm.id
    assert c.alarm.group == c.alarm.id


def test_an_incident_that_a_person_reports_lives_like_an_alarm() -> None:
    alarms = book()
    (opened,) = alarms.command(command("open_incident", None, subject="s1", note="Cây đổ", priority="high"))
    assert (opened.alarm.kind, opened.alarm.title, opened.alarm.response, opened.alarm.area) == (
        "incident",
        "Cây đổ",
        "acknowledged",
        "corridor",
    )
    (ended,) = alarms.command(command("end_incident", opened.alarm, minute=9))
    assert (ended.transition, ended.alarm.condition) == ("cleared", "returned")
    assert words(tick(alarms, 60)) == ["closed"]
    for site, note in (("nowhere", "x"), ("s1", "  ")):
        with pytest.raises(Rejected):
            list(alarms.command(command("open_incident", None, subject=site, note=note)))


def test_a_device_out_of_service_hides_its_alarms_until_it_is_back() -> None:
    alarms = book()
    (opened,) = run(alarms, verdict("onset", 0))
    hidden = list(alarms.command(command("out_of_service", None, subject="cam-1", note="bảo trì")))
    (south,) = run(alarms, verdict("onset", 2, subject="cam-1/south"))
    assert [t.alarm.display for t in [*hidden, south]] == ["suppressed", "suppressed"]
    back = list(alarms.command(command("in_service", None, subject="cam-1")))
    assert {t.alarm.id: t.alarm.display for t in back} == {opened.alarm.id: "shown", south.alarm.id: "shown"}


def test_a_thousand_identical_verdicts_are_one_alarm() -> None:
    assert words(list(book().judge([verdict("onset", 0)] * 1000))) == ["opened"]
