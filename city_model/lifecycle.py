"""The table of an alarm's life (`lifecycle.toml`): which act is possible in which state, what it needs and what takes it back.

ISA-18.2 (ANSI/ISA-18.2-2016, IEC 62682) names the states; that condition, response and display are three independent sides is ours.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from city_model.events import Alarm

Side = Literal["condition", "response", "display", ""]
SHELVE_MOST_MS = 8 * 3_600_000
"""Longest shelving: one shift. Longer is taking a device out of service, which is its own act."""


@dataclass(frozen=True, slots=True)
class Act:
    """One row. `sources` are the states of `side` the act starts from; an empty side changes no state."""

    name: str
    past: str
    side: Side = ""
    sources: frozenset[str] = frozenset()
    target: str = ""
    needs: tuple[str, ...] = ()
    undo: str = ""
    closed: bool = False
    only_kind: str = ""


@cache
def acts() -> dict[str, Act]:
    """The acts of people, by name, in the table's order."""
    rows = _table()["act"]
    return {
        name: Act(
            name, row["past"], row.get("side", ""), frozenset(row.get("from", ())), row.get("to", ""), tuple(row.get("needs", ())),
            row.get("undo", ""), row.get("closed", False), row.get("only_kind", ""),
        )
        for name, row in rows.items()
    }  # fmt: skip


@cache
def changes() -> tuple[str, ...]:
    """What the engine writes by itself."""
    return tuple(_table()["change"])


def is_possible(act: Act, alarm: Alarm) -> bool:
    """Whether `act` is possible on `alarm` as it stands."""
    if alarm.closed_ms is not None and not act.closed:
        return False
    if act.only_kind and alarm.kind != act.only_kind:
        return False
    return not act.side or getattr(alarm, act.side) in act.sources


def possible(alarm: Alarm) -> tuple[str, ...]:
    """The acts an operator has now: what the page makes buttons of."""
    return tuple(name for name, act in acts().items() if is_possible(act, alarm))


def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("lifecycle.toml").read_text(encoding="utf-8"))
