"""A question answered from a SeriesStore: the same rows as the Flux of `flux.py` gives from InfluxDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import singledispatchmethod

import numpy as np
from numpy.typing import NDArray

from city_model.registry import City
from dashboards.boards.pool import edges, joined, raw_windows, value_of, windows
from dashboards.boards.question import (
    UNKNOWN,
    Count,
    Days,
    EventCounts,
    Events,
    Latest,
    Now,
    NowCounts,
    Of,
    Quantiles,
    Question,
    Row,
    Silent,
    Span,
    States,
    Total,
    Windows,
)
from dashboards.boards.scope import expected, expected_devices
from stream_processor.stores.port import Bucket, SeriesStore
from stream_processor.stores.port import Latest as Newest
from stream_processor.stores.rollup import HOUR_MS, MINUTE_MS

_ALL_POINTS = 1 << 31


@dataclass(frozen=True)
class Asked:
    """A store, what it has (one look for a whole board), the registry, the chosen devices and the span. Raises what the store raises."""

    store: SeriesStore
    newest: tuple[Newest, ...]
    city: City
    devices: frozenset[str]
    span: Span

    @classmethod
    def of(cls, store: SeriesStore, city: City, devices: Collection[str], span: Span) -> Asked:
        return cls(store, tuple(store.latest()), city, frozenset(devices), span)

    def answer(self, question: Question) -> list[Row]:
        """Rows by series and time."""
        return sorted(self._rows(question), key=lambda row: (row.series, row.at_ms or 0))

    @singledispatchmethod
    def _rows(self, question: Question) -> Iterable[Row]:
        raise TypeError(question)

    @_rows.register
    def _windows(self, question: Windows) -> Iterator[Row]:
        starts = edges(self.span, self.span.width_ms)
        return self._bucketed(question, starts, self.span.width_ms)

    @_rows.register
    def _days(self, question: Days) -> Iterator[Row]:
        starts = edges(self.span, 0, self.city.timezone)
        return self._bucketed(question, starts, 0)

    @_rows.register
    def _total(self, question: Total) -> Iterator[Row]:
        start = self.span.start_ms // MINUTE_MS * MINUTE_MS
        stop = -(-self.span.stop_ms // MINUTE_MS) * MINUTE_MS
        for name, series in self._pools(question.of, question.split):
            if (found := joined([b for one in series for b in self.store.rollup(one, start, stop, MINUTE_MS)])) is not None:
                yield Row(name, self.span.start_ms, value_of(found, question.aggregate))

    @_rows.register
    def _quantiles(self, question: Quantiles) -> Iterator[Row]:
        starts = edges(self.span, self.span.width_ms)
        for name, series in self._pools(question.of, question.split):
            points = [self._raw(one, starts[0], starts[-1]) for one in series]
            for start, values in raw_windows(points, starts):
                for q in question.at:
                    yield Row(f"{name} p{q * 100:g}".strip(), start, float(np.quantile(values, q)))

    @_rows.register
    def _latest(self, question: Latest) -> Iterator[Row]:
        start = self.span.stop_ms - question.within_s * 1000 if question.within_s else self.span.start_ms
        for name, at_ms, value in self._newest(question.of, start):
            if question.above is None or value > question.above:
                yield Row(name, at_ms, value)

    @_rows.register
    def _states(self, question: States) -> Iterator[Row]:
        starts = edges(self.span, self.span.width_ms)
        for name, series in self._pools(question.of, "series"):
            found = windows([self._rollups(one, starts, self.span.width_ms) for one in series], starts)
            if found:
                for start in starts[:-1]:
                    yield Row(name, start, float(question.bands.state(found[start].last)) if start in found else float(UNKNOWN))

    @_rows.register
    def _now(self, question: Now) -> Iterator[Row]:
        worst: dict[str, float] = {}
        for series, state in self._states_now(question.of, question.bands.state, question.fresh_s).items():
            name = series.partition("/")[0] if question.split == "device" else series
            worst[name] = max(state, worst.get(name, UNKNOWN))
        return (Row(name, self.span.stop_ms, state) for name, state in worst.items())

    @_rows.register
    def _now_counts(self, question: NowCounts) -> Iterator[Row]:
        states = self._states_now(question.of, question.bands.state, question.fresh_s)
        return (Row(f"{state:g}", self.span.stop_ms, float(n)) for state, n in Counter(states.values()).items())

    @_rows.register
    def _silent(self, question: Silent) -> Iterator[Row]:
        start, stop = self.span.stop_ms - question.within_s * 1000, self.span.stop_ms
        newest: dict[str, int] = {}
        for name, at_ms, _ in self._newest(question.of, start):
            seen = name.partition("/")[0]
            newest[seen] = max(at_ms, newest.get(seen, at_ms))
        for device in expected_devices(self.city, question.of):
            if device.id in self.devices:
                at = newest.get(device.id)
                if at is None or stop - at >= question.after_s * 1000:
                    yield Row(device.id, at, None if at is None else (stop - at) / 1000)

    @_rows.register
    def _count(self, question: Count) -> Iterator[Row]:
        yield Row("", self.span.stop_ms, float(len(list(self._rows(question.rows)))))

    @_rows.register
    def _events(self, question: Events) -> Iterator[Row]:
        for name in self._series(question.of):
            at_ms, value = self._raw(name, self.span.start_ms, self.span.stop_ms)
            keep = value > question.above
            yield from (Row(name, at, v) for at, v in zip(at_ms[keep].tolist(), value[keep].tolist(), strict=True))

    @_rows.register
    def _event_counts(self, question: EventCounts) -> Iterator[Row]:
        starts = edges(self.span, self.span.width_ms)
        times: dict[str, list[int]] = {}
        for name in self._series(question.of):
            at_ms, value = self._raw(name, starts[0], starts[-1])
            if (kept := at_ms[value > question.above]).size:
                times.setdefault(name.rpartition("/")[2], []).extend(kept.tolist())
        for quantity, found in times.items():
            counts = np.histogram(found, starts)[0]
            yield from (Row(quantity, start, float(n)) for start, n in zip(starts[:-1], counts.tolist(), strict=True))

    def _series(self, of: Of) -> list[str]:
        """Names of the series there are, of the chosen devices."""
        wanted = set(of.quantities)
        return [
            one.series for one in self.newest
            if (not wanted or one.series.rpartition("/")[2] in wanted)
            and (of.scope == "all" or one.series.partition("/")[0] in self.devices)
        ]  # fmt: skip

    def _pools(self, of: Of, split: str) -> Iterator[tuple[str, list[str]]]:
        pools: dict[str, list[str]] = {}
        for name in self._series(of):
            device, _, rest = name.partition("/")
            pools.setdefault({"series": name, "device": f"{device}/{rest.rpartition('/')[2]}"}.get(split, ""), []).append(name)
        yield from pools.items()

    def _bucketed(self, question: Windows | Days, starts: list[int], width_ms: int) -> Iterator[Row]:
        for name, series in self._pools(question.of, question.split):
            found = windows([self._rollups(one, starts, width_ms) for one in series], starts)
            for start in starts[:-1] if found else ():
                if start in found:
                    yield Row(name, start, value_of(found[start], question.aggregate))
                elif question.empty != "none":
                    yield Row(name, start, 0.0 if question.empty == "zero" else None)

    def _rollups(self, series: str, starts: list[int], width_ms: int) -> list[Bucket]:
        hours = HOUR_MS if all(start % HOUR_MS == 0 for start in starts) else MINUTE_MS
        return self.store.rollup(series, starts[0], starts[-1], width_ms or hours)

    def _raw(self, series: str, start_ms: int, stop_ms: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return self.store.raw(series, start_ms, stop_ms, _ALL_POINTS)

    def _newest(self, of: Of, start_ms: int) -> Iterator[tuple[str, int, float]]:
        """(series, time, value) of the newest point of each series in [start_ms, stop)."""
        known = {one.series: one for one in self.newest}
        for name in self._series(of):
            one = known[name]
            if one.at_ms < self.span.stop_ms:
                if one.at_ms >= start_ms:
                    yield name, one.at_ms, one.value
                continue
            yield from self._last_before(name, start_ms)

    def _last_before(self, name: str, start_ms: int) -> Iterator[tuple[str, int, float]]:
        """The newest point before `stop` of a series that goes on after it: looked for in its last hours that hold points."""
        for hour in reversed(self.store.rollup(name, start_ms // HOUR_MS * HOUR_MS, self.span.stop_ms, HOUR_MS)):
            at_ms, value = self._raw(name, max(start_ms, hour.start_ms), min(self.span.stop_ms, hour.start_ms + HOUR_MS))
            if at_ms.size:
                yield name, int(at_ms[-1]), float(value[-1])
                return

    def _states_now(self, of: Of, state: Callable[[float], int], fresh_s: int) -> dict[str, float]:
        """State by `device/direction` or device."""
        states = {
            f"{device}/{direction}".rstrip("/"): float(UNKNOWN) for device, direction in expected(self.city, of) if device in self.devices
        }
        for name, _, value in self._newest(of, self.span.stop_ms - fresh_s * 1000):
            place = name.rpartition("/")[0]
            states[place] = max(float(state(value)), states.get(place, UNKNOWN))
        return states
