"""What numba compiles: one pass over a batch, row by row of state. Imported only where numba is; see `window_compiled`.

No `fastmath`: LLVM may then neither reorder nor fuse, and the bytes are those of the other kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


def _enter(ring: Any, filled: Any, newest: Any, total: Any, count: Any, r: int, s: int, x: float, slots: int) -> None:  # noqa: ANN401
    last = newest[r]
    if s - last >= slots:
        ring[r, :] = 0.0
        filled[r] = np.uint64(0)
        total[r] = 0.0
        count[r] = 0
    else:
        for passed in range(last + 1, s + 1):
            p = passed % slots
            bit = np.uint64(1) << np.uint64(p)
            if filled[r] & bit:
                total[r] -= ring[r, p]
                ring[r, p] = 0.0
                filled[r] ^= bit
                count[r] -= 1
    if s > last:
        newest[r] = s
    p = s % slots
    ring[r, p] = x
    filled[r] |= np.uint64(1) << np.uint64(p)
    total[r] += x
    count[r] += 1


def _jump(mu: Any, var: Any, seen: Any, r: int, x: float, alpha: float, warm_up: int) -> float:  # noqa: ANN401
    z = 0.0
    if seen[r] == 0:
        mu[r] = x
    else:
        d = x - mu[r]
        if seen[r] >= warm_up and var[r] > 0.0:
            z = d / np.sqrt(var[r])
        pull = alpha * d
        mu[r] += pull
        var[r] = (1.0 - alpha) * (var[r] + pull * d)
    seen[r] += 1
    return z


_fast_enter = njit(inline="always")(_enter)
_fast_jump = njit(inline="always")(_jump)


def _run(
    ring: Any, filled: Any, newest: Any, total: Any, count: Any, seen: Any, mu: Any, var: Any, is_open: Any,  # noqa: ANN401
    row: Any, slot: Any, value: Any, slots: int, alpha: float, warm_up: int, open_mean: float, open_count: int,  # noqa: ANN401
    open_z: float, open_value: float, close_mean: float, close_z: float,
) -> Any:  # fmt: skip # noqa: ANN401
    at, opened, numbers = np.empty(len(row), np.int64), np.empty(len(row), np.bool_), np.empty((len(row), 3))
    changed = late = duplicates = 0
    for i in range(len(row)):
        r, s, x = row[i], slot[i], value[i]
        if s <= newest[r] - slots:
            late += 1
            continue
        if s <= newest[r] and filled[r] >> np.uint64(s % slots) & np.uint64(1):
            duplicates += 1
            continue
        _fast_enter(ring, filled, newest, total, count, r, s, x, slots)
        mean = total[r] / count[r]
        z = _fast_jump(mu, var, seen, r, x, alpha, warm_up)
        if is_open[r]:
            turns = mean < close_mean and z < close_z
        else:
            turns = (mean >= open_mean and count[r] >= open_count) or (z >= open_z and x >= open_value)
        if turns:
            is_open[r] = not is_open[r]
            at[changed], opened[changed] = i, is_open[r]
            numbers[changed, 0], numbers[changed, 1], numbers[changed, 2] = mean, count[r], z
            changed += 1
    return at, opened, numbers, changed, late, duplicates


run = njit(cache=True, nogil=True, error_model="numpy")(_run)
