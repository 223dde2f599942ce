"""Finding the rows a store will not take when it only says that there are some: halve, try, and halve again.

Writes are keyed, so a good row that is sent several times does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A store's answer to a batch it did not store whole: why, and how many rows it left out (0: it does not say, or stored nothing)."""

    message: str
    left_out: int = 0


def send_around(send: Callable[[Rows], Refusal | None], rows: Rows) -> Iterator[tuple[Rows, str]]:
    """Send `rows` until every good one is stored; yields (bad rows, why) groups.

    `send` stores what it is given and answers None, or says why not. Order the rows so that bad ones stand together: k bad groups among
    n rows cost about 2 k log2(n) calls.
    """
    waiting = [rows]
    while waiting:
        part = waiting.pop()
        refusal = send(part) if len(part) else None
        if refusal is None:
            continue
        if len(part) == 1 or refusal.left_out >= len(part):
            yield part, refusal.message
            continue
        middle = len(part) // 2
        waiting += [part[middle:], part[:middle]]
