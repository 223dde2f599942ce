"""The window kernel compiled by numba, where numba is installed (extra `fast`); the same arithmetic in the same order as the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.window import Changes, Kernel, WindowSettings, WindowState


def compiled_kernel() -> Kernel | None:
    """The kernel, or None without numba."""
    try:
        from stream_processor.core.window_numba import run
    except ImportError:
        return None

    for values in (
        np.empty(0),
        np.frombuffer(b"", np.float64),
    ):  # of our own and of a received buffer: compiled now, not at the first event
        nothing = WindowState.empty(0, 2)
        rows, slot = np.empty(0, np.int32), np.empty(0, np.int64)
        run(nothing.ring, *_views(nothing), rows, slot, values, 2, 0.5, 1, 0.0, 1, 0.0, 0.0, 0.0, 0.0)

    def take(
        state: WindowState, rule: WindowSettings, row: NDArray[np.int32], slot: NDArray[np.int64], value: NDArray[np.float64]
    ) -> tuple[Changes, int, int]:
        at, opened, numbers, changed, late, duplicates = run(
            state.ring, *_views(state),
            row, slot, value, rule.slots, rule.alpha, rule.warm_up, rule.open_mean, rule.open_count, rule.open_z, rule.open_value,
            rule.close_mean, rule.close_z,
        )  # fmt: skip
        return _changes(row, at[:changed], opened[:changed], numbers[:changed]), late, duplicates

    return take


def _changes(row: NDArray[np.int32], at: NDArray[np.int64], opened: NDArray[np.bool_], numbers: NDArray[Any]) -> Changes:
    order = np.argsort(row[at], kind="stable")
    numbers = numbers[order]
    return Changes(at[order], opened[order], numbers[:, 0], numbers[:, 1].astype(np.int64), numbers[:, 2])


def _views(state: WindowState) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint64]]:
    """The records as the three kinds of words they hold."""
    return state.cells, state.cells.view(np.int64), state.cells.view(np.uint64)
