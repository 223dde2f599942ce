"""Points from plain rows, for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stream_processor.stores.port import Points

Row = tuple[str, int, float]


def points(rows: Sequence[Row], flags: int = 0) -> Points:
    """(series, at_ms, value) rows as columns, in the order given."""
    names = tuple(dict.fromkeys(row[0] for row in rows))
    index = {name: i for i, name in enumerate(names)}
    return Points(
        names,
        np.array([index[row[0]] for row in rows], np.uint16),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
        np.full(len(rows), flags, np.uint8),
    )
