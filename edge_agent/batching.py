"""From items of one device to encoded batches: readings packed in columns, traffic samples as JSON, a frame by itself."""

from __future__ import annotations

import numpy as np

from city_model.codec import packed, samples
from city_model.events import EventType, Readings, TrafficSample
from city_model.topics import Stream
from edge_agent.outbox import Batch
from edge_agent.sources.port import Frame

_JPEG = "image/jpeg"


class Batching:
    """Collects up to `most` items of each kind. `since_s` is when the oldest waiting item came (None: nothing waits)."""

    def __init__(self, site: str, device: str, most: int) -> None:
        self.since_s: float | None = None
        self._site, self._device, self._most = site, device, min(most, packed.MAX_READINGS)
        self._readings: list[Readings] = []
        self._count = 0
        self._samples: list[TrafficSample] = []

    def add(self, item: Readings | TrafficSample | Frame, now_s: float) -> list[Batch]:
        """Take an item; returns the batches that are complete with it."""
        if isinstance(item, Frame):
            return [self._batch(EventType.FRAME, _JPEG, 1, item.at_ms, item.jpeg)]
        if isinstance(item, TrafficSample):
            self._samples.append(item)
            closed = self._close_samples() if len(self._samples) >= self._most else []
        else:
            self._readings.append(item)
            self._count += len(item)
            closed = self._close_readings(whole_only=True) if self._count >= self._most else []
        if not self._samples and not self._count:
            self.since_s = None
        elif self.since_s is None:
            self.since_s = now_s
        return closed

    def flush(self) -> list[Batch]:
        """Everything that waits."""
        self.since_s = None
        return self._close_samples() + self._close_readings(whole_only=False)

    def _close_samples(self) -> list[Batch]:
        waiting, self._samples = self._samples, []
        if not waiting:
            return []
        at_ms = max(s.at_ms for s in waiting)
        return [self._batch(EventType.SAMPLES, samples.CONTENT_TYPE, len(waiting), at_ms, samples.encode(waiting))]

    def _close_readings(self, *, whole_only: bool) -> list[Batch]:
        """Batches of `most` readings; the rest waits on, or goes too."""
        if not self._count:
            return []
        joined = join(self._readings)
        end = len(joined) - len(joined) % self._most if whole_only else len(joined)
        out = []
        for start in range(0, end, self._most):
            part = _cut(joined, start, min(start + self._most, end))
            out.append(self._batch(EventType.READINGS, packed.CONTENT_TYPE, len(part), int(part.at_ms.max()), packed.encode(part)))
        rest = _cut(joined, end, len(joined))
        self._readings, self._count = ([rest], len(rest)) if len(rest) else ([], 0)
        return out

    def _batch(self, kind: EventType, content_type: str, count: int, at_ms: int, data: bytes) -> Batch:
        stream: Stream = "frame" if kind is EventType.FRAME else "telemetry"
        return Batch(self._site, self._device, stream, kind, content_type, count, at_ms, data)


def join(parts: list[Readings]) -> Readings:
    """One after the other, with one list of names."""
    if len(parts) == 1:
        return parts[0]
    names: dict[str, int] = {}
    index = []
    for part in parts:
        here = np.array([names.setdefault(name, len(names)) for name in part.names], np.uint16)
        index.append(here[part.name_index])
    return Readings(tuple(names), np.concatenate(index), np.concatenate([p.at_ms for p in parts]), np.concatenate([p.value for p in parts]))


def _cut(readings: Readings, start: int, end: int) -> Readings:
    return Readings(readings.names, readings.name_index[start:end], readings.at_ms[start:end], readings.value[start:end])
