"""Frames of a file, a stream or a camera device, as grey pictures. For a child process only: some files abort the process that reads them.

A file gives every frame, dated start + k · 1000 / fps. A stream or device gives frames dated by their arrival; a thread takes them in
(see `senders.py`), so that the source never waits for us, and what has waited too long is dropped and counted. `replayed` plays a file
as a camera would send it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from city_model.faults import Rejected
from edge_agent.sources.luma import Luma, Picture
from edge_agent.sources.senders import GATHER_S, Arriving, Replaying, Sender

_FALLBACK_FPS = 25.0
_MOST_WAITING, _MOST_WAITING_BYTES = 25, 16_000_000
"""Frames taken in and not measured yet: a second of a small picture, less of a large one. What comes on top drops the oldest."""


def frames(spec: dict[str, Any]) -> Iterator[tuple[int, Picture]]:
    """`spec` is {"file", "start_ms", "loop", "after_ms"}, or {"url"} or {"index"} with {"offset_ms", "patience_s"}.

    Raises Rejected: cannot_open, no_frames, lost; truncated at the end of a recording that holds less than its header says.
    """
    if "file" in spec:
        return recorded(spec["file"], spec["start_ms"], spec["after_ms"], loop=spec["loop"])
    luma = Luma(spec["url"] if "url" in spec else spec["index"], spec["patience_s"])
    return Live(Arriving(luma, spec["offset_ms"], GATHER_S if "url" in spec else 0.0))


def replayed(spec: dict[str, Any]) -> Iterator[tuple[int, Picture]]:
    """A file over and over as a camera would send it: {"file", "fps", "start_ms", "phase"}.

    Frame k is dated `start_ms` + k periods and exists k + `phase` periods after the stream was opened, whoever is ready for it or not.
    """
    return Live(Replaying(spec["file"], spec["fps"], spec["start_ms"], spec["phase"]))


def recorded(file: str, start_ms: int, after_ms: int, *, loop: bool) -> Iterator[tuple[int, Picture]]:
    """Every frame later than `after_ms`, over and over with `loop`; time runs on over the seam."""
    begin_ms, luma = float(start_ms), Luma(file)
    period_ms, whole = 1000 / rate(luma), luma.frames_told
    if loop and whole > 0 and begin_ms + whole * period_ms <= after_ms:
        begin_ms += (after_ms - begin_ms) // (whole * period_ms) * whole * period_ms
    k = max(0, math.floor((after_ms - begin_ms) / period_ms) + 1)
    if k:
        luma.seek(k)
    while True:
        while (picture := luma.read()) is not None:
            yield round(begin_ms + k * period_ms), picture
            k += 1
        if k == 0:
            raise Rejected("no_frames", "the file holds no frame that can be decoded")
        if not loop:
            break
        begin_ms += k * period_ms
        k = 0
        luma.rewind()
    luma.close()
    if k < 0.9 * whole:  # what the header says is often an estimate, but not that far off
        raise Rejected("truncated", f"the file ends after {k} of {whole} frames")


def rate(luma: Luma) -> float:
    """Frames per second, 25 where the video says nothing plausible."""
    return luma.fps if math.isfinite(luma.fps) and 0.1 <= luma.fps <= 240 else _FALLBACK_FPS


_SILENT_S = 1.0
"""How often whoever waits for frames that do not come hears of it."""


class Live:
    """Frames as they come, taken in by a thread. `dropped` counts those that nobody took in time, `decode_s` the thread's work.

    While none come `on_silence` is called every `silent_s` with the time, as frames would be dated now.
    """

    def __init__(self, sender: Sender, silent_s: float = _SILENT_S) -> None:
        self.dropped = 0
        self.decode_s = 0.0
        self.on_silence: Callable[[int], None] = lambda at_ms: None
        self._sender = sender
        self._silent_s = silent_s
        self._waiting: deque[tuple[int, Picture]] = deque()
        self._ended = False
        self._fault = Rejected("lost", "the stream ended, or no frame came in time")
        self._changed = threading.Condition()
        threading.Thread(target=self._take_in, daemon=True, name="capture").start()

    def __iter__(self) -> Live:
        return self

    def __next__(self) -> tuple[int, Picture]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended, self._silent_s)
                if self._waiting:
                    return self._waiting.popleft()
                if self._ended:
                    raise self._fault
            self.on_silence(round(self._now_ms()))

    def late_ms(self, at_ms: int) -> float:
        """How long ago a frame dated `at_ms` came."""
        return self._now_ms() - at_ms

    def _now_ms(self) -> float:
        return time.time() * 1000 + self._sender.offset_ms

    def _take_in(self) -> None:
        try:
            while (frames := self._sender.next()) is not None:
                self._put(frames)
        except Rejected as err:
            self._fault = err
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _put(self, frames: list[tuple[int, Picture]]) -> None:
        with self._changed:
            self.decode_s = time.thread_time()
            for frame in frames:
                if len(self._waiting) >= min(_MOST_WAITING, _MOST_WAITING_BYTES // frame[1].nbytes):
                    self._waiting.popleft()
                    self.dropped += 1
                self._waiting.append(frame)
            self._changed.notify()
