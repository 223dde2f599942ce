"""The window kernel in numpy. Late values and duplicates are found for the whole batch at once; what is left goes in rounds.

Round k takes the k-th value of every row, so its rows are all different and one vector operation moves them all. Rows are ordered by how
many values they have, so a round is a prefix of the gathered state. Where few rows have many values each (a backfill, one chatty sensor)
rounds would be narrow: those rows go down `window_dense` instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.window import Changes, WindowSettings, WindowState
from stream_processor.core.window_dense import Lot, move_dense

NARROW = 96
"""A round of fewer rows than this costs more than the dense way (measured)…"""
MANY_ROUNDS = 24
"""…if at least so many rounds are left."""


def take(
    state: WindowState, rule: WindowSettings, row: NDArray[np.int32], slot: NDArray[np.int64], value: NDArray[np.float64]
) -> tuple[Changes, int, int]:
    """See `Kernel`."""
    position = _grouped(row, len(state.total))
    rows, slots = row[position], slot[position]
    if not len(rows):
        return _nothing(), 0, 0
    if (rows[1:] != rows[:-1]).all():
        return _take_distinct(state, rule, rows, slots, value[position], position)
    good, late = _accepted(state, rule.slots, rows, slots)
    duplicates = 0
    if good is not None:
        kept = np.flatnonzero(good)
        duplicates = len(rows) - len(kept) - late
        position, rows, slots = position[kept], rows[kept], slots[kept]
    if not len(rows):
        return _nothing(), late, duplicates
    start = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    length = np.diff(start, append=len(rows))
    n = len(rows)
    lot = Lot(
        rows[start].astype(np.int64), start, length, slots, value[position], np.empty(n), np.empty(n, np.int64), np.empty(n), np.empty(n)
    )
    _move(state, rule, lot)
    return _hysteresis(state, rule, lot, position), late, duplicates


def _grouped(row: NDArray[np.int32], rows: int) -> NDArray[np.int64]:
    """Positions ordered by row, in order of arrival within a row. Sixteen bits are sorted by radix, ten times as fast."""
    return np.argsort(row.astype(np.uint16) if rows <= 65_536 else row, kind="stable")


def _accepted(state: WindowState, slots: int, rows: NDArray[np.int32], slot: NDArray[np.int64]) -> tuple[NDArray[np.bool_] | None, int]:
    """Which of the grouped values enter (None: all), and how many are late."""
    before = state.newest[rows]
    rising = np.empty(len(rows), np.bool_)
    rising[:1] = True
    np.greater(slot[1:], slot[:-1], out=rising[1:])
    rising[1:] |= rows[1:] != rows[:-1]
    rising &= slot > before
    if rising.all():
        return None, 0
    some = np.zeros(len(state.total), np.bool_)  # rows of which a value does not lie ahead of all before it
    some[rows[~rising]] = True
    doubtful = np.flatnonzero(some[rows])
    fine, late = _checked(state, slots, rows[doubtful].astype(np.int64), slot[doubtful], before[doubtful])
    good = np.ones(len(rows), np.bool_)
    good[doubtful] = fine
    return good, late


def _checked(
    state: WindowState, slots: int, rows: NDArray[np.int64], slot: NDArray[np.int64], before: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], int]:
    """Late: older than the running newest minus the window. Duplicate: its slot was filled before the batch, or earlier in it."""
    lowest = int(slot.min()) - slots
    span = int(slot.max()) - lowest + slots + 1
    key = (np.cumsum(np.concatenate(([0], rows[1:] != rows[:-1])))) * span
    running = np.maximum.accumulate(key + np.maximum(slot, np.maximum(before, lowest)) - lowest)
    here = key + slot - lowest
    late = here <= running - slots
    filled = (state.filled[rows] >> (slot % slots).astype(np.uint64) & np.uint64(1)).astype(np.bool_)
    fresh = np.empty(len(rows), np.bool_)
    order = np.argsort(here, kind="stable")
    ordered = here[order]
    fresh[order[:1]] = True
    fresh[order[1:]] = ordered[1:] != ordered[:-1]
    return fresh & ~late & ~(filled & (slot <= before)), int(np.count_nonzero(late))


def _move(state: WindowState, rule: WindowSettings, lot: Lot) -> None:
    if len(lot.start) == len(lot.value):
        _rounds(state, rule, lot, np.arange(len(lot.row)), 1)
        return
    by_length = np.argsort(-lot.length, kind="stable")
    length = lot.length[by_length]
    longest = int(length[0])
    narrow = int(length[min(NARROW, len(length)) - 1]) if len(length) >= NARROW else 0
    if longest - narrow < MANY_ROUNDS:
        _rounds(state, rule, lot, by_length, longest)
        return
    dense = int(np.searchsorted(-length, -narrow, side="left"))  # rows that go on when rounds have become narrow
    _rounds(state, rule, lot, by_length[dense:], narrow)
    move_dense(state, rule, lot, by_length[:dense])


def _rounds(state: WindowState, rule: WindowSettings, lot: Lot, some: NDArray[np.int64], rounds: int) -> None:
    """Move the rows `some` of the lot, longest first, through all their values."""
    if not len(some):
        return
    start = lot.start[some]
    cells = _Cells.of(state, rule, lot.row[some])
    widths = np.searchsorted(-lot.length[some], -np.arange(rounds), side="left").tolist()
    fresh = int(cells.seen.min()) <= rule.warm_up
    for k, w in enumerate(widths):
        at = start[:w] + k
        variance = np.where(cells.seen[:w] >= rule.warm_up, cells.var[:w], 0.0) if fresh else cells.var[:w].copy()
        lot.variance[at] = variance
        lot.deviation[at] = cells.enter(state, rule, w, lot.slot[at], lot.value[at])
        lot.total[at], lot.count[at] = cells.total[:w], cells.count[:w]
    cells.put_back(state)


@dataclass(frozen=True, slots=True)
class _Cells:
    """The records of some rows, all different, as columns; gathered and put back whole, for what belongs to a row lies together."""

    row: NDArray[np.int64]
    base: NDArray[np.int64]
    """Where the row's ring begins."""
    columns: NDArray[np.float64]
    total: NDArray[np.float64]
    mu: NDArray[np.float64]
    var: NDArray[np.float64]
    newest: NDArray[np.int64]
    count: NDArray[np.int64]
    seen: NDArray[np.int64]
    filled: NDArray[np.uint64]

    @classmethod
    def of(cls, state: WindowState, rule: WindowSettings, row: NDArray[np.int64]) -> _Cells:
        columns = np.ascontiguousarray(state.cells[row].T)
        whole = columns.view(np.int64)
        total, mu, var, *_ = columns
        return cls(
            row, row * rule.slots, columns, total, mu, var, whole[3], whole[4], whole[5], columns.view(np.uint64)[6]
        )  # fmt: skip

    def put_back(self, state: WindowState) -> None:
        state.cells[self.row] = self.columns.T

    def enter(
        self, state: WindowState, rule: WindowSettings, w: int, slot: NDArray[np.int64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Move the first `w` rows on by a value each; how far each lay from its row's mu."""
        ring, total, count, filled, newest = state.ring.reshape(-1), self.total[:w], self.count[:w], self.filled[:w], self.newest[:w]
        ahead = slot - newest
        if len(some := (ahead > 1).nonzero()[0]):
            _expire(state, rule, self.row, some, slot, newest, filled, total, count)
        place = slot % rule.slots
        bit = place.astype(np.uint64)
        place += self.base[:w]
        total -= ring[place]  # what leaves stood in the same place one window before; an empty place holds 0.0
        total += value
        ring[place] = value
        count -= ((filled >> bit) & np.uint64(1)).view(np.int64)
        count += 1
        filled |= np.uint64(1) << bit
        np.maximum(newest, slot, out=newest)
        deviation = value - self.mu[:w]
        _weigh(rule.alpha, value, deviation, self.mu[:w], self.var[:w], self.seen[:w])
        return deviation


def _take_distinct(
    state: WindowState, rule: WindowSettings, rows: NDArray[np.int32], slot: NDArray[np.int64], value: NDArray[np.float64],
    position: NDArray[np.int64],
) -> tuple[Changes, int, int]:  # fmt: skip
    """A batch of one value a row: a small batch, of which nothing else need be asked."""
    cells = _Cells.of(state, rule, rows.astype(np.int64))
    filled = cells.filled >> (slot % rule.slots).astype(np.uint64) & np.uint64(1)
    is_late = slot <= cells.newest - rule.slots
    good = ~(is_late | (filled.view(np.int64) > (slot > cells.newest)))
    late = 0
    if not good.all():
        late = int(np.count_nonzero(is_late))
        kept = good.nonzero()[0]
        rows, slot, value, position = rows[kept], slot[kept], value[kept], position[kept]
        if not len(rows):
            return _nothing(), late, len(good) - late
        cells = _Cells.of(state, rule, cells.row[kept])
    variance = np.where(cells.seen >= rule.warm_up, cells.var, 0.0)
    deviation = cells.enter(state, rule, len(rows), slot, value)
    mean, z, opens, closes = _said(rule, cells.total, cells.count, deviation, variance, value)
    is_open = cells.columns.view(np.bool_).reshape(-1, len(rows), 8)[7, :, 0]
    turned = np.where(is_open, closes, opens).nonzero()[0]
    is_open[turned] = opens[turned]
    cells.put_back(state)
    return Changes(position[turned], opens[turned], mean[turned], cells.count[turned], z[turned]), late, len(good) - len(rows) - late


def _weigh(
    alpha: float, x: NDArray[np.float64], deviation: NDArray[np.float64], mu: NDArray[np.float64], var: NDArray[np.float64],
    seen: NDArray[np.int64],
) -> None:  # fmt: skip
    """mu and var after `x`, in place; the first value of a row sets mu."""
    first = (seen == 0).nonzero()[0]
    pull = alpha * deviation
    mu += pull
    pull *= deviation
    var += pull
    var *= 1.0 - alpha
    if len(first):
        mu[first], var[first] = x[first], 0.0
    seen += 1


def _expire(
    state: WindowState, rule: WindowSettings, row: NDArray[np.int64], some: NDArray[np.int64], slot: NDArray[np.int64],
    newest: NDArray[np.int64], filled: NDArray[np.uint64], total: NDArray[np.float64], count: NDArray[np.int64],
) -> None:  # fmt: skip
    """For the rows `some`, empty the slots that are passed over between the newest and `slot`, oldest first; all after a long pause."""
    ahead = slot[some] - newest[some]
    gone = some[ahead >= rule.slots]
    if len(gone):
        state.ring[row[gone]] = 0.0
        filled[gone], total[gone], count[gone] = 0, 0.0, 0
        some, ahead = some[ahead < rule.slots], ahead[ahead < rule.slots]
    for step in range(1, int(ahead.max(initial=0))):
        some, ahead = (some, ahead) if step == 1 else (some[ahead > step], ahead[ahead > step])
        place = (newest[some] + step) % rule.slots
        bit = np.uint64(1) << place.astype(np.uint64)
        total[some] -= state.ring[row[some], place]
        state.ring[row[some], place] = 0.0
        count[some] -= (filled[some] & bit) != 0
        filled[some] &= ~bit


def _hysteresis(state: WindowState, rule: WindowSettings, lot: Lot, position: NDArray[np.int64]) -> Changes:
    """Opening and closing exclude each other, so a row's state is what the last value that said either made it."""
    mean, z, opens, closes = _said(rule, lot.total, lot.count, lot.deviation, lot.variance, lot.value)
    closes |= opens
    says = np.flatnonzero(closes)
    owner = np.repeat(np.arange(len(lot.row)), lot.length)[says]
    word = opens[says]
    first = np.concatenate(([True], owner[1:] != owner[:-1])) if len(says) else np.empty(0, np.bool_)
    before = np.empty(len(says), np.bool_)
    before[1:] = word[:-1]
    before[first] = state.is_open[lot.row[owner[first]]]
    last = np.concatenate((np.flatnonzero(first)[1:] - 1, [len(says) - 1])) if len(says) else np.empty(0, np.int64)
    state.is_open[lot.row[owner[last]]] = word[last]
    turned = says[word != before]
    return Changes(position[turned], opens[turned], mean[turned], lot.count[turned], z[turned])


def _said(
    rule: WindowSettings, total: NDArray[np.float64], count: NDArray[np.int64], deviation: NDArray[np.float64],
    variance: NDArray[np.float64], value: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:  # fmt: skip
    """(means, jumps, whether it says open, whether it says close)."""
    mean = total / count
    z = np.zeros(len(value))
    np.divide(deviation, np.sqrt(variance), out=z, where=variance > 0)
    opens = (mean >= rule.open_mean) & (count >= rule.open_count)
    opens |= (z >= rule.open_z) & (value >= rule.open_value)
    closes: NDArray[np.bool_] = (mean < rule.close_mean) & (z < rule.close_z)
    return mean, z, opens, closes


def _nothing() -> Changes:
    nothing = np.empty(0)
    return Changes(nothing.astype(np.int64), nothing.astype(np.bool_), nothing, nothing.astype(np.int64), nothing)
