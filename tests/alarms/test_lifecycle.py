"""The table drives the engine: every act in every state does what its row says, and its undo takes it back."""

from __future__ import annotations

import itertools
from typing import get_args

import msgspec
import pytest

from city_model.events import Alarm, CommandKind, Transition
from city_model.lifecycle import SHELVE_MOST_MS, acts, changes, is_possible, possible
from stream_processor.core.alarms.acts import Refusal, apply
from tests.alarms.making import T0, book, command, verdict

NEEDED = {"note": "vì thử", "to": "Bình", "until_ms": T0 + 3_600_000}
_STATES = list(
    itertools.product(
        ("active", "returned"), ("new", "acknowledged", "assigned", "rejected"), ("shown", "shelved", "suppressed"), (False, True)
    )
)


def an_alarm() -> Alarm:
    return next(book().judge([verdict("onset", 0)])).alarm


def in_state(condition: str, response: str, display: str, closed: bool) -> Alarm:
    more = {"closed_ms": T0} if closed else {}
    return msgspec.structs.replace(an_alarm(), condition=condition, response=response, display=display, **more)


def needed(name: str) -> dict[str, object]:
    return {key: NEEDED[key] for key in acts()[name].needs}


@pytest.mark.parametrize("name", acts())
@pytest.mark.parametrize("state", _STATES, ids=str)
def test_an_act_is_done_exactly_where_the_table_allows_it(name: str, state: tuple[str, str, str, bool]) -> None:
    act, alarm = acts()[name], in_state(*state)
    result = apply(alarm, command(name, alarm, **needed(name)))  # type: ignore[arg-type]  # names of the table
    if not is_possible(act, alarm):
        assert isinstance(result, Refusal)
        return
    assert isinstance(result, Alarm)
    assert result.version == alarm.version + 1
    assert not act.side or getattr(result, act.side) in (act.target, "suppressed" if alarm.suppressed_by else act.target)


@pytest.mark.parametrize("name", [name for name, act in acts().items() if act.undo])
def test_undo_takes_it_back(name: str) -> None:
    act = acts()[name]
    before = an_alarm()
    done = apply(before, command(name, before, **needed(name)))  # type: ignore[arg-type]  # names of the table
    assert isinstance(done, Alarm)
    undone = apply(done, command(act.undo, done))  # type: ignore[arg-type]  # names of the table
    assert isinstance(undone, Alarm)
    assert getattr(undone, act.side) in ("acknowledged", "shown")
    assert (undone.reason, undone.assigned_to, undone.shelved_until_ms) == ("", "", None)


@pytest.mark.parametrize("name", [name for name, act in acts().items() if act.needs])
def test_what_an_act_needs_it_must_have(name: str) -> None:
    alarm = an_alarm()
    result = apply(alarm, command(name, alarm))  # type: ignore[arg-type]  # names of the table
    assert isinstance(result, Refusal)
    assert result.code in ("needs_reason", "needs_assignee", "shelve_limit")


def test_the_words_of_the_table_are_the_words_of_the_events() -> None:
    outside = {"open_incident", "out_of_service", "in_service"}
    assert set(get_args(CommandKind)) == set(acts()) | outside
    assert set(get_args(Transition)) == {act.past for act in acts().values()} | set(changes()) | {"refused"}


def test_shelving_ends_within_a_shift_and_in_the_future() -> None:
    alarm = an_alarm()
    for until_ms, code in (
        (T0 + 60_000, "shelve_limit"),
        (T0 + 60_001 + SHELVE_MOST_MS, "shelve_limit"),
        (T0 + 60_000 + SHELVE_MOST_MS, ""),
    ):
        result = apply(alarm, command("shelve", alarm, note="đào đường", until_ms=until_ms))
        assert (result.code if isinstance(result, Refusal) else "") == code


def test_two_operators_at_once_the_second_hears_who_was_first() -> None:
    alarms = book()
    alarm = next(alarms.judge([verdict("onset", 0)])).alarm
    done = [t for by in ("An", "Bình") for t in alarms.command(command("acknowledge", alarm, by=by))]
    assert [(t.transition, t.by, t.code) for t in done] == [("acknowledged", "An", ""), ("refused", "Bình", "already_acknowledged")]
    assert "An" in done[1].why
    (stale,) = alarms.command(command("assign", alarm, by="Chi", to="Chi"))
    assert (stale.transition, stale.code, stale.alarm.assigned_to) == ("refused", "stale", "")


def test_a_worse_figure_alone_makes_no_command_stale() -> None:
    alarms = book()
    seen = next(alarms.judge([verdict("onset", 0)])).alarm
    assert next(alarms.judge([verdict("worse", 1, value=5.0)])).alarm.version == 2
    assert [t.transition for t in alarms.command(command("acknowledge", seen))] == ["acknowledged"]


def test_an_operator_is_offered_only_what_can_be_done() -> None:
    alarm = an_alarm()
    assert possible(alarm) == ("acknowledge", "assign", "reject", "shelve", "note")
    assert possible(msgspec.structs.replace(alarm, closed_ms=T0)) == ("note",)
