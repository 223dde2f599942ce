"""Alarms across a change of rules: what people were told stands, and is settled with what the new rules say of the same past.

Detectors are rebuilt from the log under the new rules, but nobody may lose an alarm they work on, or be told of it twice: an open alarm
goes on under its id with all that people did, and ends with the reason "rule changed" where its rule no longer holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from city_model.events import Alarm, Transition
from stream_processor.core.alarms.identity import alarm_id
from stream_processor.core.alarms.outside import INCIDENT

RULE_CHANGED = "rule changed"
Key = tuple[str, str]
_replace = msgspec.structs.replace


def settled(told: Mapping[Key, Alarm], held: Mapping[Key, Alarm], known: frozenset[str], now_ms: int) -> Iterator[tuple[Alarm, Transition]]:
    """The transitions that make `told` (open alarms as they stand in the log) agree with `held` (open ones under the new rules).

    `known`: ids that are taken. Incidents are reported by people, no rule ends them.
    """
    for key, alarm in sorted(told.items()):
        now = held.get(key)
        holds = now is not None and now.condition == "active"
        if alarm.rule == INCIDENT or holds == (alarm.condition == "active"):
            continue
        if holds:
            back = {"condition": "active", "cleared_ms": None, "recurrences": alarm.recurrences + 1}
            yield _replace(alarm, version=alarm.version + 1, **back), "recurred"
        else:
            yield _replace(alarm, version=alarm.version + 1, condition="returned", cleared_ms=now_ms), "cleared"
    for key, alarm in sorted(held.items()):
        if key not in told and alarm.rule != INCIDENT and alarm.condition == "active":
            yield _fresh(alarm, known, now_ms), "opened"


def _fresh(alarm: Alarm, known: frozenset[str], now_ms: int) -> Alarm:
    """Told now for the first time: nobody has done anything about it yet. An id that closed under the old rules is not used again."""
    new_id = alarm.id if alarm.id not in known else alarm_id(alarm.rule, alarm.subject, now_ms)
    return _replace(
        alarm, id=new_id, opened_ms=now_ms, version=1, settled_version=1, response="new", acknowledged_by="", acknowledged_ms=None,
        responded_by="", assigned_to="", shelved_until_ms=None, reason="", escalation=0, recurrences=0,
        display="suppressed" if alarm.suppressed_by else "shown",
    )  # fmt: skip
