"""The closed vocabulary of questions: what can be asked of the series, and exactly what each question means.

Common to all:

- A question is asked over [start, stop). Windows are whole: the first holds `start`, the last holds the millisecond before `stop`, and each
  is stamped with its beginning. Widths are whole minutes, aligned to 1970-01-01T00:00Z; days are those of the city's time zone.
- `Of` says which series: the quantities, and whose. `places` are the devices of the chosen areas and sites; `all` is whoever says it.
- `split` says what is pooled: nothing (`series`), the directions of a device (`device`), or everything (`all`). A pooled mean is over
  points.
- `empty` says what a window without points is, for a series that has any point in the windows of the question: left out (`none`), there
  without a value (`null`), or 0 (`zero`).
- Sums, means, minima, maxima, counts and last values come from rollups, which equal the raw points; everything else from raw points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Aggregate = Literal["mean", "sum", "min", "max", "last", "count"]
Empty = Literal["none", "null", "zero"]
Split = Literal["series", "device", "all"]
Scope = Literal["places", "all"]
Kind = Literal["camera", "air"]
UNKNOWN = -1
"""The state of what nothing is known of."""


@dataclass(frozen=True, slots=True)
class Of:
    """Series of these quantities. `kind` is of the devices that should have them: what is missing can then be told."""

    quantities: tuple[str, ...]
    scope: Scope = "places"
    kind: Kind | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Bands:
    """Values as states: how many of `bounds` a value is beyond, 0 for none. `above` is beyond when greater, `below` when smaller."""

    bounds: tuple[float, ...]
    beyond: Literal["above", "below"] = "above"

    def state(self, value: float) -> int:
        """0 .. len(bounds)."""
        return sum(value > bound if self.beyond == "above" else value < bound for bound in self.bounds)


@dataclass(frozen=True, slots=True)
class Windows:
    """One value a window. Pooling has no `last`."""

    of: Of
    aggregate: Aggregate
    empty: Empty = "none"
    split: Split = "series"


@dataclass(frozen=True, slots=True)
class Days:
    """As `Windows`, a window for each calendar day of the city."""

    of: Of
    aggregate: Aggregate
    empty: Empty = "none"
    split: Split = "series"


@dataclass(frozen=True, slots=True)
class Total:
    """One value over the whole minutes of [start, stop), stamped with its beginning; nothing where there is no point."""

    of: Of
    aggregate: Aggregate
    split: Split = "series"


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Exact quantiles of raw points, between two points by linear interpolation (type 7 of Hyndman and Fan 1996), a value a window."""

    of: Of
    at: tuple[float, ...]
    split: Split = "all"


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest raw point of each series in [stop - within_s, stop), or in [start, stop) for 0. `above`: only those that are greater."""

    of: Of
    within_s: int = 0
    above: float | None = None


@dataclass(frozen=True, slots=True)
class States:
    """The last value of each window as a state; UNKNOWN for a window without points."""

    of: Of
    bands: Bands


@dataclass(frozen=True, slots=True)
class Now:
    """The state of each series or device (its worst) at `stop`, from its newest point of the last `fresh_s`. What the registry expects and
    nothing is known of is UNKNOWN."""

    of: Of
    bands: Bands
    fresh_s: int
    split: Literal["series", "device"] = "series"


@dataclass(frozen=True, slots=True)
class NowCounts:
    """How many series are in each state at `stop`, as `Now` has them."""

    of: Of
    bands: Bands
    fresh_s: int


@dataclass(frozen=True, slots=True)
class Silent:
    """Devices that the registry expects and whose newest point of the last `within_s` is at least `after_s` older than `stop`: its time and
    its age in seconds; neither for a device without any."""

    of: Of
    after_s: int
    within_s: int = 86_400


@dataclass(frozen=True, slots=True)
class Events:
    """Raw points in [start, stop) that are greater than `above`."""

    of: Of
    above: float = 0.0


@dataclass(frozen=True, slots=True)
class EventCounts:
    """How many `Events` of a quantity begin in each window; 0 for none."""

    of: Of
    above: float = 0.0


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows the answer to another question has, at `stop`; 0 too."""

    rows: Latest | Silent | Events


Question = Count | Windows | Days | Total | Quantiles | Latest | States | Now | NowCounts | Silent | Events | EventCounts


@dataclass(frozen=True, slots=True)
class Span:
    """[start, stop) in ms and the width of its windows."""

    start_ms: int
    stop_ms: int
    width_ms: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an answer. `series` is a series, a device, `p95`, a state's number, a quantity, or empty for everything together."""

    series: str
    at_ms: int | None
    value: float | None
