"""Air measurements replayed from a CSV, as recorded or moved in time, at the pace of a clock.

What lies in the clock's past comes at once (history); the rest when its time has come. Cells that cannot be read, or that no instrument
can report, are left out, counted, and told in one warning.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from city_model.clock import Clock
from city_model.events import Readings
from city_model.faults import ConfigError, Problem, Unavailable
from edge_agent.sources.air_map import AirMap
from edge_agent.sources.air_table import BadCells, read_table
from edge_agent.sources.port import Fault, Item

log = logging.getLogger(__name__)
_MOST_ITEMS = 512  # readings in one item of history


@dataclass(frozen=True, slots=True)
class Redate:
    """The recording's moment `recorded_ms` (None: its last row) becomes `becomes_ms`."""

    becomes_ms: int
    recorded_ms: int | None = None


class AirCsvSource:
    """One station. `bad` is what was left out, known when the file has been read; without a `clock` everything comes at once."""

    def __init__(
        self, device: str, path: Path, air_map: AirMap, clock: Clock | None = None, *, redate: Redate | None = None,
        quantities: frozenset[str] = frozenset(), from_ms: int | None = None, until_ms: int | None = None,
    ) -> None:  # fmt: skip
        """`quantities` limits what is sent (empty: all); `from_ms..until_ms` limits it in time, after re-dating."""
        self.device = device
        self.bad = BadCells()
        self._path, self._map, self._clock, self._redate = path, air_map, clock, redate
        self._quantities, self._from_ms, self._until_ms = quantities, from_ms, until_ms
        self._readings: Readings | None = None
        self._reached_ms = -(2**62)
        self._moved = asyncio.Event()

    async def load(self) -> None:
        """Read the file now, to know early whether it can be. Raises ConfigError or Unavailable."""
        if self._readings is None:
            table = await asyncio.to_thread(read_table, self._path, self._map)
            self.bad = table.bad
            self._readings = self._chosen(table.readings)
            if table.bad.counts:
                log.warning("%s: cells of %s were left out: %s", self.device, self._path, table.bad)

    async def items(self) -> AsyncIterator[Item]:
        try:
            await self.load()
        except (ConfigError, Unavailable) as err:
            yield Fault(self._clock.now_ms() if self._clock else 0, str(err))
        readings = self._readings
        start = 0
        while readings is not None and start < len(readings):
            at_ms = int(readings.at_ms[start])
            self._set_reached(at_ms - 1)
            if self._clock is not None:
                await self._clock.sleep_until(at_ms)
            end = self._end_of_item(readings, start)
            yield Readings(readings.names, readings.name_index[start:end], readings.at_ms[start:end], readings.value[start:end])
            start = end
        self._set_reached(2**62)

    async def caught_up(self, up_to_ms: int | None) -> None:
        """Return when everything up to `up_to_ms` was taken, or the recording has ended."""
        while up_to_ms is not None and self._reached_ms < up_to_ms:
            self._moved.clear()
            await self._moved.wait()

    async def close(self) -> None:
        """Nothing to let go of."""

    def _end_of_item(self, readings: Readings, start: int) -> int:
        """Whole rows whose time has come, at most 512 readings; at least one row."""
        now_ms = self._clock.now_ms() if self._clock is not None else int(readings.at_ms[-1])
        come = int(np.searchsorted(readings.at_ms, now_ms, side="right"))
        row_end = int(np.searchsorted(readings.at_ms, readings.at_ms[start], side="right"))
        end = max(row_end, min(come, start + _MOST_ITEMS))
        return end if end == len(readings) else max(row_end, int(np.searchsorted(readings.at_ms, readings.at_ms[end], side="left")))

    def _chosen(self, readings: Readings) -> Readings:
        at_ms = readings.at_ms
        if self._redate is not None and len(readings):
            recorded_ms = int(at_ms[-1]) if self._redate.recorded_ms is None else self._redate.recorded_ms
            at_ms = at_ms + (self._redate.becomes_ms - recorded_ms)
        keep = np.ones(len(readings), bool)
        if self._quantities:
            keep &= np.array([name in self._quantities for name in readings.names], bool)[readings.name_index]
        if self._from_ms is not None:
            keep &= at_ms >= self._from_ms
        if self._until_ms is not None:
            keep &= at_ms <= self._until_ms
        if not keep.any():
            what = "nothing of " + ", ".join(sorted(self._quantities)) if self._quantities else "nothing that can be used"
            raise ConfigError([Problem(str(self._path), "(file)", what, "measurements that were asked for")])
        return Readings(readings.names, readings.name_index[keep], at_ms[keep], readings.value[keep])

    def _set_reached(self, at_ms: int) -> None:
        self._reached_ms = at_ms
        self._moved.set()
