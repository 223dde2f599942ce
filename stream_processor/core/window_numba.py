"""What numba compiles: one pass over a batch, row by row of state. Imported only where numba is; see `window_compiled`.

No `fastmath`: LLVM may then neither reorder nor fuse, and the bytes are those of the other kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_TOTAL, _MU, _VAR, _NEWEST, _COUNT, _SEEN, _FILLED, _IS_OPEN = range(8)
"""Words of a record, as in `WindowState`."""


def _enter(ring: Any, real: Any, whole: Any, bits: Any, r: int, s: int, x: float, slots: int) -> None:  # noqa: ANN401
    last = whole[r, _NEWEST]
    if s - last >= slots:
        ring[r, :] = 0.0
        bits[r, _FILLED] = np.uint64(0)
        real[r, _TOTAL] = 0.0
        whole[r, _COUNT] = 0
    else:
        for passed in range(last + 1, s + 1):
            p = passed % slots
            bit = np.uint64(1) << np.uint64(p)
            if bits[r, _FILLED] & bit:
                real[r, _TOTAL] -= ring[r, p]
                ring[r, p] = 0.0
                bits[r, _FILLED] ^= bit
                whole[r, _COUNT] -= 1
    if s > last:
        whole[r, _NEWEST] = s
    p = s % slots
    ring[r, p] = x
    bits[r, _FILLED] |= np.uint64(1) << np.uint64(p)
    real[r, _TOTAL] += x
    whole[r, _COUNT] += 1


def _jump(real: Any, whole: Any, r: int, x: float, alpha: float, warm_up: int) -> float:  # noqa: ANN401
    z = 0.0
    if whole[r, _SEEN] == 0:
        real[r, _MU] = x
    else:
        d = x - real[r, _MU]
        if whole[r, _SEEN] >= warm_up and real[r, _VAR] > 0.0:
            z = d / np.sqrt(real[r, _VAR])
        pull = alpha * d
        real[r, _MU] += pull
        real[r, _VAR] = (1.0 - alpha) * (real[r, _VAR] + pull * d)
    whole[r, _SEEN] += 1
    return z


_fast_enter = njit(inline="always")(_enter)
_fast_jump = njit(inline="always")(_jump)


def _run(
    ring: Any, real: Any, whole: Any, bits: Any,  # noqa: ANN401
    row: Any, slot: Any, value: Any, slots: int, alpha: float, warm_up: int, open_mean: float, open_count: int,  # noqa: ANN401
    open_z: float, open_value: float, close_mean: float, close_z: float,
) -> Any:  # fmt: skip # noqa: ANN401
    at, opened, numbers = np.empty(len(row), np.int64), np.empty(len(row), np.bool_), np.empty((len(row), 3))
    changed = late = duplicates = 0
    for i in range(len(row)):
        r, s, x = row[i], slot[i], value[i]
        if s <= whole[r, _NEWEST] - slots:
            late += 1
            continue
        if s <= whole[r, _NEWEST] and bits[r, _FILLED] >> np.uint64(s % slots) & np.uint64(1):
            duplicates += 1
            continue
        _fast_enter(ring, real, whole, bits, r, s, x, slots)
        mean = real[r, _TOTAL] / whole[r, _COUNT]
        z = _fast_jump(real, whole, r, x, alpha, warm_up)
        if whole[r, _IS_OPEN]:
            turns = mean < close_mean and z < close_z
        else:
            turns = (mean >= open_mean and whole[r, _COUNT] >= open_count) or (z >= open_z and x >= open_value)
        if turns:
            whole[r, _IS_OPEN] = 1 - whole[r, _IS_OPEN]
            at[changed], opened[changed] = i, whole[r, _IS_OPEN] == 1
            numbers[changed, 0], numbers[changed, 1], numbers[changed, 2] = mean, whole[r, _COUNT], z
            changed += 1
    return at, opened, numbers, changed, late, duplicates


run = njit(cache=True, nogil=True, error_model="numpy")(_run)
