"""Neighbours: the sensors of one quantity in one area. They are compared at ticks only, so that nothing depends on who reported first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from city_model.registry import City
from stream_processor.core.sensors.memory import Memory
from stream_processor.core.sensors.port import Floats, Rows


class Groups:
    """Which rows are neighbours of each other."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._known = 0
        self._rows: dict[tuple[str, str], list[int]] = {}

    def each(self, memory: Memory) -> Iterator[tuple[str, Rows]]:
        """(quantity, rows) of every group of two and more, by area and quantity."""
        if self._known > len(memory):
            self._known, self._rows = 0, {}
        for row, (device, quantity) in enumerate(memory.names[self._known :], self._known):
            self._rows.setdefault((self._city.area_of(device), quantity), []).append(row)
        self._known = len(memory)
        for (_, quantity), rows in sorted(self._rows.items()):
            if len(rows) > 1:
                yield quantity, np.array(rows, np.intp)


def median_of_others(values: Floats) -> Floats:
    """For each value the median of all the others; shape (n,), n ≥ 2."""
    n = len(values)
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    place = np.empty(n, np.intp)
    place[order] = np.arange(n)
    lower, upper = (n - 2) // 2, (n - 1) // 2  # of the n − 1 that are left
    return np.asarray((sorted_values[lower + (place <= lower)] + sorted_values[upper + (place <= upper)]) / 2.0)
