"""The other half of the numpy window kernel: few rows with many values each. Every row's values lie on one line of terms.

A value leaves when the running newest slot has come a window further; where, is found by bisection for all rows at once. The terms
(- what leaves, + what enters) in their order are summed by `cumsum`, which adds one after the other, as the definition does.
The exponential weights have no vector form that rounds the same, so they are two plain loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.window import WindowSettings, WindowState

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class Lot:
    """Accepted values of a batch, grouped: `row[i]` has `length[i]` values at `start[i] …` of the other arrays, in order of arrival."""

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    slot: NDArray[np.int64]
    value: NDArray[np.float64]
    total: NDArray[np.float64]
    count: NDArray[np.int64]
    deviation: NDArray[np.float64]
    variance: NDArray[np.float64]
    """0 while there is no jump yet to speak of."""


class _Line(NamedTuple):
    """All values of the rows, one row after the other. A *run* is a row's values between pauses longer than the window."""

    at: Ints
    """Index into the lot."""
    owner: Ints
    run: Ints
    newest: Ints
    """Running newest slot."""
    restart: NDArray[np.bool_]


def move_dense(state: WindowState, rule: WindowSettings, lot: Lot, some: Ints) -> None:
    """Move the rows `some` of the lot through all their values."""
    line = _line(state, rule, lot, some)
    slot, value = lot.slot[line.at], lot.value[line.at]
    old_run, old_slot, old_value, old_row = _window_before(state, rule, lot.row[some], line)
    run = np.concatenate((old_run, line.run))
    entry_slot, entry_value = np.concatenate((old_slot, slot)), np.concatenate((old_value, value))
    span = int(line.newest.max()) - int(entry_slot.min()) + 2 * rule.slots + 2
    low = int(entry_slot.min())
    order = np.argsort(run * span + entry_slot - low, kind="stable")
    key = (run * span + entry_slot - low)[order] + rule.slots
    leaves = np.searchsorted(line.run * span + line.newest - low, key, side="left")
    stays = leaves >= np.searchsorted(line.run, run[order], side="right")
    gone = order[~stays]
    _sum(state, lot, some, line, leaves[~stays], entry_value[gone], value)
    _weigh(state, rule, lot, some)
    rest = order[stays]
    last = np.searchsorted(line.owner, np.arange(len(some)), side="right") - 1
    rest = rest[np.isin(run[rest], line.run[last])]
    owner = np.concatenate((old_row, line.owner))[rest]
    _keep(state, rule, lot.row[some], line.newest[last], owner, entry_slot[rest], entry_value[rest])


def _line(state: WindowState, rule: WindowSettings, lot: Lot, some: Ints) -> _Line:
    length = lot.length[some]
    begin = np.cumsum(length) - length
    owner = np.repeat(np.arange(len(some)), length)
    at = np.arange(len(owner)) - begin[owner] + lot.start[some][owner]
    slot = lot.slot[at]
    low = int(slot.min()) - rule.slots - 1  # anything older than this is as good as never
    span = int(slot.max()) - low + 1
    before = np.clip(state.newest[lot.row[some]], low, None)
    span = max(span, int(before.max()) - low + 1)
    lifted = np.maximum(slot, before[owner]) - low + owner * span
    newest = np.maximum.accumulate(lifted) - owner * span + low
    previous = np.empty_like(newest)
    previous[1:] = newest[:-1]
    previous[begin] = before
    restart = newest - previous >= rule.slots
    fresh = restart.copy()
    fresh[begin] = True
    return _Line(at, owner, np.cumsum(fresh) - 1, newest, restart)


def _window_before(state: WindowState, rule: WindowSettings, row: Ints, line: _Line) -> tuple[Ints, Ints, Floats, Ints]:
    """(run, slot, value, owner) of what stands in the windows now and belongs to the first run of its row."""
    begin = np.searchsorted(line.owner, np.arange(len(row)))
    going_on = np.flatnonzero(~line.restart[begin])
    rows = row[going_on]
    filled = (state.filled[rows][:, None] >> np.arange(rule.slots, dtype=np.uint64)) & np.uint64(1)
    which, place = np.nonzero(filled)
    newest = state.newest[rows][which]
    slot = newest - (newest - place) % rule.slots
    owner = going_on[which]
    return line.run[begin[owner]], slot, state.ring[rows[which], place], owner


def _sum(state: WindowState, lot: Lot, some: Ints, line: _Line, leaves: Ints, leaving: Floats, value: Floats) -> None:
    """Running totals and counts. Terms of a row: its total so far, then for each value what leaves, then what enters."""
    n = len(value)
    gone = np.searchsorted(leaves, np.arange(n), side="right")  # leavers up to and with each value
    starts = np.flatnonzero(np.diff(line.run, prepend=-1))
    opening = np.where(line.restart[starts], 0.0, state.total[lot.row[some]][line.owner[starts]])
    opening_count = np.where(line.restart[starts], 0, state.count[lot.row[some]][line.owner[starts]])
    terms = np.empty(n + len(leaving) + len(starts))
    entered = np.arange(n) + gone + line.run + 1
    terms[entered] = value
    terms[np.arange(len(leaving)) + leaves + line.run[leaves] + 1] = -leaving
    gone_before = gone[starts - 1] if len(starts) else gone
    gone_before[0] = 0
    heads = starts + gone_before + np.arange(len(starts))
    terms[heads] = opening
    for a, b in zip(heads.tolist(), [*heads[1:].tolist(), len(terms)], strict=True):
        np.cumsum(terms[a:b], out=terms[a:b])
    lot.total[line.at] = terms[entered]
    lot.count[line.at] = opening_count[line.run] + np.arange(1, n + 1) - starts[line.run] - (gone - gone_before[line.run])
    last = np.append(np.flatnonzero(np.diff(line.owner)), n - 1)
    state.total[lot.row[some]], state.count[lot.row[some]] = terms[entered[last]], lot.count[line.at[last]]


def _weigh(state: WindowState, rule: WindowSettings, lot: Lot, some: Ints) -> None:
    alpha, keep = rule.alpha, 1.0 - rule.alpha
    for row, start, length in zip(lot.row[some].tolist(), lot.start[some].tolist(), lot.length[some].tolist(), strict=True):
        at = slice(start, start + length)
        seen = int(state.seen[row])
        values = lot.value[at].tolist()
        mu, var = (float(state.mu[row]), float(state.var[row])) if seen else (values[0], 0.0)
        means = [mu, *[mu := mu + alpha * (x - mu) for x in values]]
        deviation = lot.value[at] - np.array(means[:-1])
        pushes = (alpha * deviation * deviation).tolist()
        variances = [var, *[var := keep * (var + push) for push in pushes]]
        lot.deviation[at], lot.variance[at] = deviation, variances[:-1]
        if seen < rule.warm_up:
            lot.variance[start : start + min(rule.warm_up - seen, length)] = 0.0
        state.mu[row], state.var[row], state.seen[row] = mu, var, seen + length


def _keep(state: WindowState, rule: WindowSettings, row: Ints, newest: Ints, owner: Ints, slot: Ints, value: Floats) -> None:
    """The windows as they stand afterwards."""
    place = slot % rule.slots
    ring = np.zeros((len(row), rule.slots))
    ring[owner, place] = value
    filled = np.zeros((len(row), rule.slots), np.bool_)
    filled[owner, place] = True
    bits = np.uint64(1) << np.arange(rule.slots, dtype=np.uint64)
    state.ring[row], state.newest[row] = ring, newest
    state.filled[row] = (filled * bits).sum(axis=1, dtype=np.uint64)
