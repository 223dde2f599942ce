"""What a panel and a board are: a question with the words and the marks it is drawn with, and panels in rows of 24 columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dashboards.boards.question import Question

Draw = Literal["lines", "bars", "stat", "table", "states", "counts", "map"]
"""`stat`: the newest value of each series; `counts`: a figure for each state."""
Tone = Literal["ok", "low", "medium", "high", "unknown", "aqi1", "aqi2", "aqi3", "aqi4", "aqi5", "aqi6"]
Place = Literal["area", "camera", "air", "none"]
COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Text:
    """What people read, in both languages."""

    vi: str
    en: str

    def in_(self, language: str) -> str:
        """In `vi` or `en`."""
        return self.vi if language == "vi" else self.en


@dataclass(frozen=True, slots=True)
class Step:
    """From `value` upwards (in the panel's unit) the tone is this one; before the first it is `ok`."""

    value: float
    tone: Tone


@dataclass(frozen=True, slots=True)
class State:
    """How a state is called and coloured."""

    name: Text
    tone: Tone


@dataclass(frozen=True, slots=True)
class Panel:
    """A question and how it is drawn. `unit` is a unit of `city_model.quantities`; `states` are those of its bands, best first;
    `least_min` is the narrowest window that makes sense."""

    name: str
    title: Text
    about: Text
    question: Question
    draw: Draw
    unit: str = "1"
    thresholds: tuple[Step, ...] = ()
    states: tuple[State, ...] = ()
    low: float | None = None
    high: float | None = None
    least_min: int = 1

    @property
    def runbook(self) -> str:
        """Where the documentation says what it means and what to do."""
        return f"docs/reference/boards.md#{self.name}"


@dataclass(frozen=True, slots=True)
class Cell:
    """A panel in a row, `width` of 24 columns wide."""

    panel: Panel
    width: int


@dataclass(frozen=True, slots=True)
class Line:
    """A row of cells, `height` units of Grafana's grid (about 30 px each)."""

    height: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """`place` says what is chosen on it: areas and sites, one camera, one station, or nothing. `down` names the boards one level below."""

    name: str
    title: Text
    about: Text
    place: Place
    hours: int
    lines: tuple[Line, ...]
    down: tuple[str, ...] = ()

    def panels(self) -> Iterator[Panel]:
        """In reading order."""
        return (cell.panel for line in self.lines for cell in line.cells)
