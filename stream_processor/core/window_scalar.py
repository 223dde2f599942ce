"""The window kernel in plain Python, one value after the other: what the fast ones must equal to the bit."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.window import NEVER, Changes, WindowSettings, WindowState


def take(
    state: WindowState, rule: WindowSettings, row: NDArray[np.int32], slot: NDArray[np.int64], value: NDArray[np.float64]
) -> tuple[Changes, int, int]:
    """See `Kernel`."""
    found: list[tuple[int, int, bool, float, int, float]] = []
    late = duplicates = 0
    for at, (r, s, x) in enumerate(zip(row.tolist(), slot.tolist(), value.tolist(), strict=True)):
        newest = int(state.newest[r])
        if newest != NEVER and s <= newest - rule.slots:
            late += 1
        elif s <= newest and state.filled[r] >> np.uint64(s % rule.slots) & np.uint64(1):
            duplicates += 1
        else:
            _enter(state, rule, r, s, x)
            mean, count = float(state.total[r]) / int(state.count[r]), int(state.count[r])
            z = _jump(state, rule, r, x)
            if not state.is_open[r] and (
                (mean >= rule.open_mean and count >= rule.open_count) or (z >= rule.open_z and x >= rule.open_value)
            ):
                state.is_open[r] = True
                found.append((r, at, True, mean, count, z))
            elif state.is_open[r] and mean < rule.close_mean and z < rule.close_z:
                state.is_open[r] = False
                found.append((r, at, False, mean, count, z))
    found.sort(key=lambda one: one[:2])
    columns = list(zip(*found, strict=True)) or [()] * 6
    kinds = (np.int64, np.bool_, np.float64, np.int64, np.float64)
    return Changes(*(np.array(column, kind) for column, kind in zip(columns[1:], kinds, strict=True))), late, duplicates


def _enter(state: WindowState, rule: WindowSettings, r: int, s: int, x: float) -> None:
    newest = int(state.newest[r])
    if s - newest >= rule.slots:
        state.ring[r], state.filled[r], state.total[r], state.count[r] = 0.0, 0, 0.0, 0
    else:
        for passed in range(newest + 1, s + 1):
            bit = np.uint64(1) << np.uint64(passed % rule.slots)
            if state.filled[r] & bit:
                state.total[r] -= state.ring[r, passed % rule.slots]
                state.ring[r, passed % rule.slots] = 0.0
                state.filled[r] &= ~bit
                state.count[r] -= 1
    state.newest[r] = max(newest, s)
    state.ring[r, s % rule.slots] = x
    state.filled[r] |= np.uint64(1) << np.uint64(s % rule.slots)
    state.total[r] += x
    state.count[r] += 1


def _jump(state: WindowState, rule: WindowSettings, r: int, x: float) -> float:
    mu, var, seen = float(state.mu[r]), float(state.var[r]), int(state.seen[r])
    d = x - mu
    z = d / sqrt(var) if seen >= rule.warm_up and var > 0 else 0.0
    if seen:
        pull = rule.alpha * d
        state.mu[r], state.var[r] = mu + pull, (1.0 - rule.alpha) * (var + pull * d)
    else:
        state.mu[r] = x
    state.seen[r] = seen + 1
    return z
