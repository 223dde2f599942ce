"""Rollups in InfluxDB: minutes that points were written to, computed again from all points there, and then the hours of those minutes."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.stores import influx_queries
from stream_processor.stores.bisect import Refusal
from stream_processor.stores.influx_client import HttpRefused, InfluxClient
from stream_processor.stores.influx_names import head_of
from stream_processor.stores.line_protocol import lines
from stream_processor.stores.rollup import HOUR_MS, MINUTE_MS, portions, touched
from stream_processor.stores.rollup_memory import Ints, Rolled, RollupMemory

_FIELDS = ("count", "sum", "min", "max", "last")
_STALLED_S = 5.0
"""A process that stood still for longer than this in the middle of a write (SIGSTOP, a laptop asleep) may have lost its partition, and the
new owner may have written: what it remembers is read again before it writes rollups."""
_LEFT_OUT = re.compile(r" ?dropped=(\d+)")
log = logging.getLogger("saola.influx")


class Rollups:
    """Not for several threads at once."""

    def __init__(self, client: InfluxClient, raw: str, minutes: str, hours: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._client, self._clock = client, clock
        self._names: list[str] = []
        self._number_of: dict[str, int] = {}
        self._levels = (
            _Level(raw, minutes, MINUTE_MS, ("value",)),
            _Level(minutes, hours, HOUR_MS, _FIELDS),
        )

    def forget(self) -> None:
        """Others may have written: remember nothing."""
        for level in self._levels:
            level.memory.forget()

    def again(self, names: Sequence[str], index: NDArray[np.integer], at_ms: Ints, value: NDArray[np.float64]) -> None:
        """Minutes and hours of these points, which are stored already. Raises what the client raises, and then remembers nothing."""
        try:
            numbers = np.array([self._number(name) for name in names], np.int64)
            rows = Rolled.of_points(numbers[index], at_ms, value)
            for level in self._levels:
                rows = self._roll(level, rows)
        except BaseException:
            self.forget()
            raise

    def _roll(self, level: _Level, rows: Rolled) -> Rolled:
        """Rollups of the buckets these stored rows are in, written and returned."""
        began_s = self._clock()
        rolled, text = self._computed(level, rows)
        if self._clock() - began_s > _STALLED_S:
            level.memory.forget()
            rolled, text = self._computed(level, rows)
        refusal = send(self._client, level.target, text) if text else None
        if refusal is not None:
            log.error("rollups were not taken, the points are stored", extra={"bucket": level.target, "reason": refusal.message})
        return rolled

    def _computed(self, level: _Level, rows: Rolled) -> tuple[Rolled, bytes]:
        series, starts = touched(rows.series, rows.at_ms, level.width_ms)
        missing = level.memory.missing(series, starts, self._clock())
        series, starts = series[missing], starts[missing]
        for portion in portions(series, starts, level.width_ms):
            level.memory.read(series[portion], starts[portion], self._stored(level, series[portion], starts[portion]), self._clock())
        rolled = level.memory.written(rows)
        used = np.unique(rolled.series)
        heads = [head_of(self._names[number]) for number in used.tolist()]
        fields: dict[str, NDArray[Any]] = {name: getattr(rolled, name) for name in _FIELDS}
        return rolled, lines(heads, np.searchsorted(used, rolled.series), rolled.at_ms, fields)

    def _stored(self, level: _Level, series: Ints, starts: Ints) -> Rolled:
        """What the server holds of these buckets."""
        names = {self._names[number] for number in np.unique(series).tolist()}
        stop_ms = int(starts[-1]) + level.width_ms
        found = influx_queries.stored(self._client, level.source, level.fields, names, int(starts[0]), stop_ms)
        rows = [(self._number_of[name], *row) for name, row in found if name in names]
        if not rows:
            return Rolled.empty()
        columns = list(zip(*rows, strict=True))
        numbers, at_ms = np.array(columns[0], np.int64), np.array(columns[1], np.int64)
        values = [np.array(column, np.float64) for column in columns[2:]]
        if len(values) == 1:
            return Rolled.of_points(numbers, at_ms, values[0])
        return Rolled(numbers, at_ms, values[0].astype(np.int64), *values[1:])

    def _number(self, name: str) -> int:
        if (known := self._number_of.get(name)) is None:
            known = self._number_of[name] = len(self._names)
            self._names.append(name)
        return known


class _Level:
    """From one bucket of the server to the next coarser one."""

    def __init__(self, source: str, target: str, width_ms: int, fields: Sequence[str]) -> None:
        self.source, self.target, self.width_ms, self.fields = source, target, width_ms, fields
        self.memory = RollupMemory(width_ms)


def send(client: InfluxClient, bucket: str, text: bytes) -> Refusal | None:
    """Send lines; what the server says when it did not take them all."""
    try:
        client.write(bucket, text)
    except HttpRefused as err:
        if err.status not in (400, 413, 422):
            raise
        left_out = _LEFT_OUT.search(err.message)
        return Refusal(_LEFT_OUT.sub("", err.message).strip() or f"status {err.status}", int(left_out.group(1)) if left_out else 0)
    return None
