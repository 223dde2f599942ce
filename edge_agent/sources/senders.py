"""Where live frames come from: a stream, a device, or a file played as a camera would send it.

Waking up costs a tenth of a millisecond a frame, twice: so a stream's frames are let gather for GATHER_S and decoded together; they
wait in the connection meanwhile. A device has no room for them, there every frame is taken at once.
"""

from __future__ import annotations

import itertools
import math
import time
from typing import Protocol

from edge_agent.sources.luma import Luma, Picture

GATHER_S = 0.08
"""Three frames at 25 a second: no figure is needed sooner than by a fifth of a second."""
_MOST_TOGETHER = 12
_MOST_PIXELS = 400_000
"""Larger pictures do not gather: three of them leave a core's cache before they are measured, which costs what waking up less saves."""
_LONGEST_GAP_MS = 55.0
"""A stream slower than this does not gather: a frame that has come would wait for the next one."""
_WAITED_S = 0.003
"""A frame that took longer than its decoding had not come before: there are no more, and it came now."""
_LONGEST_BACK_MS = 1_000.0

Dated = tuple[int, Picture]


class Sender(Protocol):
    """Something that gives frames when they come; a frame taken in on time is dated now + `offset_ms`."""

    offset_ms: float

    def next(self) -> list[Dated] | None:
        """Wait for the next frames: when each was there, and its picture; None: there will be none."""
        ...


class Arriving:
    """Frames of a stream or device, dated by their arrival: those that gathered by how long before the newest they were taken."""

    def __init__(self, luma: Luma, offset_ms: float, gather_s: float = 0.0) -> None:
        self.offset_ms = offset_ms
        self._luma = luma
        self._gather_s = gather_s if luma.pixels <= _MOST_PIXELS else 0.0
        self._last_ms = -math.inf
        self._gap_ms = math.inf

    def next(self) -> list[Dated] | None:
        gathers = self._gather_s > 0 and self._gap_ms <= _LONGEST_GAP_MS
        if gathers:
            time.sleep(self._gather_s)
        taken: list[tuple[float, Picture]] = []
        waited = False
        while not waited and len(taken) < _MOST_TOGETHER:
            began_s, worked_s = time.monotonic(), time.thread_time()
            picture = self._luma.read()
            if picture is None:
                break
            waited = not gathers or time.monotonic() - began_s - (time.thread_time() - worked_s) > _WAITED_S
            taken.append((self._luma.at_ms, picture))
        dates = gathered(self._last_ms, time.time() * 1000 + self.offset_ms, [at_ms for at_ms, _ in taken])
        if not taken:
            return None
        self._gap_ms = (dates[-1] - self._last_ms) / len(dates)
        self._last_ms = dates[-1]
        return [(round(at_ms), picture) for at_ms, (_, picture) in zip(dates, taken, strict=True)]


class Replaying:
    """A file's frames at `fps`, whatever the file says, without end."""

    def __init__(self, file: str, fps: float, start_ms: int, phase: float) -> None:
        self._luma = Luma(file)
        self._period_ms = 1000 / fps
        self._start_ms = start_ms
        self.offset_ms = start_ms - phase * self._period_ms - time.time() * 1000
        self._together = 1 + int(GATHER_S * fps) if self._luma.pixels <= _MOST_PIXELS else 1
        self._k = 0

    def next(self) -> list[Dated] | None:
        taken: list[Dated] = []
        newest_ms = self._start_ms + (self._k + self._together - 1) * self._period_ms
        ahead_s = (newest_ms - self.offset_ms) / 1000 - time.time()
        if ahead_s > 0:
            time.sleep(ahead_s)
        for _ in range(self._together):
            picture = self._luma.read()
            if picture is None:
                self._luma.rewind()
                picture = self._luma.read()
            if picture is None:
                return taken or None
            taken.append((round(self._start_ms + self._k * self._period_ms), picture))
            self._k += 1
        return taken


def gathered(last_ms: float, now_ms: float, stamps_ms: list[float]) -> list[float]:
    """Dates of frames of which the newest came `now_ms`, the one before them at `last_ms`.

    By the stream's own `stamps_ms` where they rise as time does, else evenly.
    """
    if not stamps_ms:
        return []
    back = [stamps_ms[-1] - stamp for stamp in stamps_ms]
    if all(older > newer for older, newer in itertools.pairwise(back)) and back[0] < _LONGEST_BACK_MS:
        dates = [now_ms - each for each in back]
        if dates[0] > last_ms:
            return dates
    since_ms = min(now_ms - last_ms, _LONGEST_BACK_MS)
    return [now_ms - since_ms * (1 - k / len(stamps_ms)) for k in range(1, len(stamps_ms) + 1)]
