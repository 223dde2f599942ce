"""State in snapshots as columns of bytes, and rows that are built from them when they are first asked for.

A partition of fifty thousand sensors is restored by every worker that takes it over, while nothing is judged: a row of plain values for
each takes seconds to decode, columns a tenth of that. Building the rows is put off, not saved: the first tick asks for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

NOTHING = -(2**63)
"""None in a column of whole numbers; in one of floats it is NaN, which no reading can be."""
K = TypeVar("K")
T = TypeVar("T")


def ints(values: Iterable[int | None]) -> bytes:
    """A column of whole numbers."""
    return np.array([NOTHING if value is None else value for value in values], np.int64).tobytes()


def floats(values: Iterable[float | None]) -> bytes:
    """A column of numbers."""
    return np.array([np.nan if value is None else value for value in values], np.float64).tobytes()


def of_ints(column: bytes) -> NDArray[np.int64]:
    """What `ints` wrote, one array; None is `NOTHING`."""
    return np.frombuffer(column, np.int64)


def of_floats(column: bytes) -> NDArray[np.float64]:
    """What `floats` wrote; None is NaN."""
    return np.frombuffer(column, np.float64)


def whole(value: int) -> int | None:
    """One of a column of whole numbers."""
    return None if value == NOTHING else value


class Lists:
    """A column of lists of numbers, each of its own length."""

    def __init__(self, column: Sequence[bytes]) -> None:
        self._column = column
        self._ends: list[int] = []
        self._values: list[float] = []

    @staticmethod
    def column(lists: Iterable[Sequence[float | None]]) -> list[bytes]:
        """Plain values of `lists`."""
        ends: list[int] = []
        values: list[float] = []
        for one in lists:
            values += [np.nan if value is None else value for value in one] if None in one else one  # type: ignore[arg-type]  # no None there
            ends.append(len(values))
        return [np.array(ends, np.int64).tobytes(), np.array(values, np.float64).tobytes()]

    def __getitem__(self, row: int) -> list[float | None]:
        """The list of a row."""
        return [None if value != value else value for value in self.numbers(row)]

    def numbers(self, row: int) -> list[float]:
        """The list of a row that has no None."""
        if not self._ends:  # a list is cut twenty times as fast as an array, but making it is only worth it when rows are asked for
            self._ends = np.frombuffer(self._column[0], np.int64).tolist()
            self._values = np.frombuffer(self._column[1], np.float64).tolist()
        return self._values[self._ends[row - 1] if row else 0 : self._ends[row]]


class Rows(Generic[K, T]):
    """A dict of rows. Those of a snapshot sleep until they are asked for: `build` makes one from its number among `keys`."""

    def __init__(self, keys: Iterable[K] = (), build: Callable[[int], T] | None = None) -> None:
        self._awake: dict[K, T] = {}
        self._asleep = {key: row for row, key in enumerate(keys)}
        self._build = build

    def __len__(self) -> int:
        return len(self._awake) + len(self._asleep)

    def get(self, key: K) -> T | None:
        """The row of `key`, if there is one."""
        found = self._awake.get(key)
        if found is None and self._asleep and key in self._asleep:
            assert self._build is not None
            found = self._awake[key] = self._build(self._asleep.pop(key))
        return found

    def __getitem__(self, key: K) -> T:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: K, row: T) -> None:
        self._asleep.pop(key, None)
        self._awake[key] = row

    def items(self) -> Iterator[tuple[K, T]]:
        """All rows, built. Their order says nothing: sort by key."""
        for key in list(self._asleep):
            self.get(key)
        self._build = None  # and with it the columns
        yield from self._awake.items()

    def values(self) -> Iterator[T]:
        """Likewise."""
        for _, row in self.items():
            yield row

    def sorted(self) -> list[tuple[K, T]]:
        """All rows by key."""
        return sorted(self.items(), key=lambda item: item[0])  # type: ignore[arg-type,return-value]  # keys are strings or tuples of them
