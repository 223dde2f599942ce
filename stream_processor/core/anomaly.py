"""Anomaly in any series: what differs from what this series has done so far, in level, in step or in restlessness.

Four signs, each in units of what is usual for this very series, learned while it goes (exponentially weighted, with what is far off
clipped, so that an anomaly does not teach the detector to expect it): the distance of the value from its slow mean; that of a faster mean,
for small shifts that last; the step from reading to reading; and the ratio of restlessness now to restlessness long. The shift and the
ratio are divided by what they stay below for 99 % of the time. The score is a smooth maximum of the four; above `Settings.threshold` it
is an anomaly, and within `rest_readings` after one no other is told. Each one told raises what the next must reach by `raise_share`, half
of which is forgotten in `forget_readings`: a series that is odd all the time is not.

The level has a baseline for each part of the day (`season_s`, `season_parts`) besides; it is taken where the day foretells the series
clearly better than the slow mean does.

One set of parameters for every series, fixed on the realTraffic and realKnownCause parts of NAB (see the reference).

>>> detector = Anomaly(Settings())
>>> [i for i in range(400) if detector.take(i * 300_000, 10.0 + i % 3 + (40.0 if i == 390 else 0.0))[1]]
[390]
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from city_model.settings import between

_CLIP = 4.0
_WARM = 50
_LEAST = 10
_TINY = 1e-9
_SEASONS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """Shares are the weight of one reading in a mean; weights are those of the signs. `season_s` 0: no season."""

    threshold: float = between(0.1, 100, default=1.35)
    rest_readings: int = between(0, 100_000, default=30)
    raise_share: float = between(0, 10, default=0.2)
    forget_readings: float = between(1, 100_000, default=100.0)
    slow_share: float = between(0.0001, 1, default=0.003)
    step_share: float = between(0.0001, 1, default=0.005)
    shift_share: float = between(0.0001, 1, default=0.01)
    rest_share: float = between(0.0001, 1, default=0.01)
    shift_fast_share: float = between(0.001, 1, default=0.2)
    rest_fast_share: float = between(0.001, 1, default=0.1)
    level_weight: float = between(0, 10, default=1 / 4.4)
    shift_weight: float = between(0, 10, default=0.3)
    step_weight: float = between(0, 10, default=0.1)
    rest_weight: float = between(0, 10, default=1.6)
    power: float = between(1, 64, default=8.0)
    season_s: float = between(0, 1_209_600, default=86_400.0)
    season_parts: int = between(1, 1000, default=48)
    season_share: float = between(0.0001, 1, default=0.03)
    season_ratio: float = between(0, 1, default=0.3)


@dataclass(slots=True)
class _Spread:
    """A slow mean and variance that take what is far off as not quite so far."""

    share: float
    mean: float = 0.0
    variance: float = 0.0
    count: int = 0

    def distance(self, value: float) -> float:
        """In standard deviations; 0 while nothing is known."""
        return abs(value - self.mean) / max(math.sqrt(self.variance), _TINY) if self.count > _LEAST else 0.0

    def take(self, value: float) -> None:
        off = value - self.mean if self.count else 0.0
        if not self.count:
            self.mean = value
        if self.count > _WARM:
            far = _CLIP * max(math.sqrt(self.variance), _TINY)
            off = max(-far, min(far, off))
        share = max(self.share, 1.0 / (self.count + 1))
        self.mean += share * off
        self.variance = (1.0 - share) * (self.variance + share * off * off)
        self.count += 1


@dataclass(slots=True)
class _Usual:
    """What a sign stays below for 99 % of the time (Robbins & Monro 1951, in steps of its own size)."""

    pace: float
    level: float = 1.0

    def ratio(self, sign: float) -> float:
        found = sign / (self.level + 0.5)
        self.level = max(0.2, self.level + self.pace * self.level * (0.99 if sign > self.level else -0.01))
        return found


@dataclass(slots=True)
class _State:
    """All that is remembered of one series."""

    level: _Spread
    shift_base: _Spread
    step: _Spread
    rest_long: _Spread
    seasonal: _Spread
    shift: float = 0.0
    shift_variance: float = 0.0
    restless: float = 0.0
    last: float = 0.0
    count: int = 0
    rests_until: int = 0
    raised: float = 0.0
    shift_usual: _Usual = field(default_factory=lambda: _Usual(0.02))
    rest_usual: _Usual = field(default_factory=lambda: _Usual(0.01))
    parts: list[list[float]] = field(default_factory=list)
    last_ms: int = 0


class Anomaly:
    """One series."""

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        s = settings
        self._state = _State(
            _Spread(s.slow_share), _Spread(s.shift_share), _Spread(s.step_share), _Spread(s.rest_share), _Spread(s.slow_share)
        )

    def take(self, at_ms: int, value: float) -> tuple[float, bool]:
        """(score, whether an anomaly is told) for the next reading of the series."""
        state = self._state
        score = self._score(at_ms, value)
        state.last_ms = at_ms
        state.raised *= 0.5 ** (1.0 / self._s.forget_readings)
        told = score >= self._s.threshold * (1.0 + state.raised) and state.count >= state.rests_until
        if told:
            state.rests_until = state.count + self._s.rest_readings
            state.raised += self._s.raise_share
        state.count += 1
        return score, told

    def usual(self, at_ms: int) -> float:
        """What the series is like at that time: its part of the day where days foretell it clearly better, else the slow mean."""
        state = self._state
        if state.parts and self._is_clear():
            part = state.parts[self._part(at_ms)]
            if self._is_known(part):
                return part[0]
        return state.level.mean

    def _part(self, at_ms: int) -> int:
        return int(at_ms / 1000 % self._s.season_s / self._s.season_s * self._s.season_parts)

    def _is_known(self, part: list[float]) -> bool:
        return part[1] >= _SEASONS * self._s.season_s / self._s.season_parts

    def _is_clear(self) -> bool:
        state = self._state
        return state.seasonal.count > _WARM and state.seasonal.variance < self._s.season_ratio * state.level.variance

    def _score(self, at_ms: int, value: float) -> float:
        s, state = self._s, self._state
        if not state.count:
            state.last = state.shift = value
        step = value - state.last
        level = self._level(at_ms, value)
        far_step = abs(step) / max(math.sqrt(state.step.variance), _TINY) if state.count > _LEAST else 0.0
        shift = state.shift_usual.ratio(self._shift(value))
        rest = state.rest_usual.ratio(self._restlessness(step))
        _take_square(state.step, step)
        state.last = value
        signs = (s.level_weight * level, s.step_weight * far_step, s.shift_weight * shift, s.rest_weight * rest)
        largest = max(signs)
        return largest * float(sum((sign / largest) ** s.power for sign in signs)) ** (1.0 / s.power) if largest > 0 else 0.0

    def _shift(self, value: float) -> float:
        """Distance of the fast mean from the slow one, in its own usual distances."""
        s, state = self._s, self._state
        state.shift += max(s.shift_fast_share, 1.0 / (state.count + 1)) * (value - state.shift)
        off = state.shift - state.shift_base.mean if state.count else 0.0
        usual = max(math.sqrt(state.shift_variance), _TINY)
        found = abs(off) / usual if state.count > _LEAST else 0.0
        if state.count > _WARM:
            off = max(-_CLIP * usual, min(_CLIP * usual, off))
        share = max(s.shift_share, 1.0 / (state.count + 1))
        state.shift_variance += share * (off * off - state.shift_variance)
        state.shift_base.take(value)
        return found

    def _restlessness(self, step: float) -> float:
        """How many times more or less restless than usual, as a logarithm."""
        s, state = self._s, self._state
        found = abs(math.log((state.restless + _TINY) / (state.rest_long.variance + _TINY))) if state.count > _LEAST else 0.0
        _take_square(state.rest_long, step)
        state.restless += max(s.rest_fast_share, 1.0 / (state.count + 1)) * (step * step - state.restless)
        return found

    def _level(self, at_ms: int, value: float) -> float:
        """Distance of the value from its part of the day where days foretell it clearly better than the slow mean does, else from that."""
        s, state = self._s, self._state
        plain = state.level.distance(value)
        state.level.take(value)
        if s.season_s <= 0:
            return plain
        if not state.parts:
            state.parts = [[0.0, 0.0, 0.0] for _ in range(s.season_parts)]
        part = state.parts[self._part(at_ms)]
        off, known = value - part[0], self._is_known(part)
        found = state.seasonal.distance(off) if known else 0.0
        if known:
            state.seasonal.take(off)
        at_s = (at_ms - state.last_ms) / 1000 if part[1] else 0.0
        part[1] += min(max(at_s, 0.0), s.season_s / s.season_parts) or 1.0
        far = _CLIP * math.sqrt(state.seasonal.variance) if known and state.seasonal.count > _WARM else math.inf
        part[0] += (s.season_share if known else 1.0 / (1.0 + part[2])) * max(-far, min(far, off))
        part[2] += 1
        return found if known and self._is_clear() else plain

    def snapshot(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self._state)

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly."""
        spreads = {name: _Spread(**state[name]) for name in ("level", "shift_base", "step", "rest_long", "seasonal")}
        usual = {name: _Usual(**state[name]) for name in ("shift_usual", "rest_usual")}
        self._state = _State(**{**state, **spreads, **usual})


def _take_square(spread: _Spread, step: float) -> None:
    """Into the variance about nothing; steps have no mean worth knowing."""
    usual = max(math.sqrt(spread.variance), _TINY)
    if spread.count > _WARM:
        step = max(-_CLIP * usual, min(_CLIP * usual, step))
    share = max(spread.share, 1.0 / (spread.count + 1))
    spread.variance += share * (step * step - spread.variance)
    spread.count += 1
