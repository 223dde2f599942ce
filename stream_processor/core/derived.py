"""All derivations of a partition: their points as observations, marked when late readings had a part in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from city_model.codec import observations as codec
from stream_processor.core.derivations.port import Derivation, Derived
from stream_processor.core.detectors.port import Batch
from stream_processor.core.observed import chunks

FLAG_REVISED = 2
"""As in `stream_processor.stores.port.Flag`."""


class DerivedSeries:
    """Runs the derivations in the order of their names."""

    def __init__(self, derivations: list[Derivation]) -> None:
        self._derivations = derivations

    def take(self, batch: Batch, late: Batch) -> Iterator[tuple[bytes, str, int]]:
        """(payload, content type, newest time in ms) of what follows from readings that came late, then from those in time."""
        yield from _encoded([part for d in self._derivations for part in d.revise(late)])
        yield from _encoded([part for d in self._derivations for part in d.take(batch)])

    def tick(self, now_ms: int) -> Iterator[tuple[bytes, str, int]]:
        """The same for what time completes."""
        yield from _encoded([part for d in self._derivations for part in d.tick(now_ms)])

    def snapshot(self) -> dict[str, Any]:
        return {d.name: d.snapshot() for d in self._derivations}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly from `snapshot()`."""
        for derivation in self._derivations:
            derivation.restore(state[derivation.name])


def _encoded(parts: Iterable[Derived]) -> Iterator[tuple[bytes, str, int]]:
    for part in parts:
        for points in chunks(part.points):
            yield codec.encode(points, FLAG_REVISED if part.is_revised else 0), codec.CONTENT_TYPE, int(points.at_ms.max())
