"""Tables of indices and limits, read from `tables/*.toml`: each says its source and since when it holds."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from city_model.settings import load

TABLES = Path(__file__).with_name("tables")
Above = Literal["cap", "none", "extend", "hold", "severe"]


@dataclass(frozen=True, slots=True)
class Category:
    """A level of an index: everything up to and with `up_to` that no lower level has."""

    up_to: int
    vi: str
    en: str
    colour: str


@dataclass(frozen=True, slots=True)
class Pollutant:
    """How a concentration becomes an index.

    Continuous tables have `concentration` and `index`, as many of each. Segmented ones have `low`, `high`, `index_low`, `index_high`, and
    truncate the concentration to `decimals` first. `above` says what a concentration above the table becomes: the highest index (`cap`,
    `hold`), no index (`none`), the last segment continued (`extend`), or 500 (`severe`).
    """

    name: str
    quantity: str
    average: str
    unit: str = "ug/m3"
    above: Above = "cap"
    concentration: tuple[float, ...] = ()
    index: tuple[int, ...] = ()
    decimals: int = 0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    index_low: tuple[int, ...] = ()
    index_high: tuple[int, ...] = ()

    def check(self) -> Iterator[tuple[str, str, str]]:
        for key, rows in (("index", (self.concentration, self.index)), ("high", (self.low, self.high, self.index_low, self.index_high))):
            if len({len(row) for row in rows}) > 1:
                yield key, "lists of different lengths", "equally long lists"


@dataclass(frozen=True, slots=True)
class Standard:
    """An index: what is rated how, since when, and by which text."""

    name: str
    source: str
    valid_from: date
    pollutant: tuple[Pollutant, ...]
    category: tuple[Category, ...]
    valid_until: date | None = None
    replaces: str = ""

    def of(self, name: str) -> Pollutant:
        """Raises KeyError for a pollutant that the standard does not rate."""
        for pollutant in self.pollutant:
            if pollutant.name == name:
                return pollutant
        raise KeyError(f"{self.name} does not rate {name!r}; it rates {', '.join(p.name for p in self.pollutant)}")

    def level(self, index: float) -> Category:
        """The category of an index; above the last one, the last."""
        return level_of(self.category, index)


@dataclass(frozen=True, slots=True)
class Band:
    """Upper edges of the levels of one quantity."""

    quantity: str
    edges: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BandStandard:
    """An index that is a level and nothing finer."""

    name: str
    source: str
    valid_from: date
    band: tuple[Band, ...]
    category: tuple[Category, ...]


def level_of(categories: tuple[Category, ...], index: float) -> Category:
    """The lowest category that reaches `index`; above the last one, the last."""
    return next((category for category in categories if index <= category.up_to), categories[-1])


@functools.cache
def standard(file: str) -> Standard:
    """The table `tables/<file>.toml`."""
    return load(Standard, TABLES / f"{file}.toml")


@functools.cache
def band_standard(file: str) -> BandStandard:
    """The table `tables/<file>.toml` of an index that has only levels."""
    return load(BandStandard, TABLES / f"{file}.toml")
