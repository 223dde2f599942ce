"""Frames of a file, a stream or a camera device, through OpenCV. For a child process only: some files abort the process that reads them.

A file gives every frame, dated start + k · 1000 / fps. A stream or device gives the newest frame when it is asked, dated by its arrival;
frames that came in between are dropped and counted.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from city_model.faults import Rejected

Picture = NDArray[np.uint8]
_FALLBACK_FPS = 25.0
_MOST_PIXELS = 4096 * 4096
_PATIENCE_MS = 10_000  # for opening a stream, and for its next frame


def frames(spec: dict[str, Any]) -> Iterator[tuple[int, Picture]]:
    """`spec` is {"file", "start_ms", "loop", "after_ms"}, or {"url"} or {"index"} with {"offset_ms"}. Raises Rejected("cannot_open")."""
    if "file" in spec:
        return _recorded(spec["file"], spec["start_ms"], spec["after_ms"], loop=spec["loop"])
    return Live(_opened(spec["url"] if "url" in spec else spec["index"]), spec["offset_ms"])


def _opened(what: str | int) -> cv2.VideoCapture:
    if isinstance(what, int):
        capture = cv2.VideoCapture(what)
    else:
        patience = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE_MS]
        capture = cv2.VideoCapture(what, cv2.CAP_FFMPEG, patience)
    if not capture.isOpened():
        raise Rejected("cannot_open", "not a video that can be read")
    if capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT) > _MOST_PIXELS:
        raise Rejected("cannot_open", f"pictures of more than {_MOST_PIXELS} pixels")
    return capture


def _recorded(file: str, start_ms: int, after_ms: int, *, loop: bool) -> Iterator[tuple[int, Picture]]:
    """Every frame later than `after_ms`, over and over with `loop`; time runs on over the seam."""
    begin_ms = float(start_ms)
    while True:
        capture = _opened(file)
        period_ms = 1000 / _fps(capture)
        whole = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if loop and whole > 0 and begin_ms + whole * period_ms <= after_ms:
            begin_ms += (after_ms - begin_ms) // (whole * period_ms) * whole * period_ms
        k = max(0, math.floor((after_ms - begin_ms) / period_ms) + 1)
        if k:
            capture.set(cv2.CAP_PROP_POS_FRAMES, k)
        first = k
        while True:
            got, picture = capture.read()
            if not got:
                break
            yield round(begin_ms + k * period_ms), cast("Picture", picture)
            k += 1
        capture.release()
        if k == 0:
            raise Rejected("no_frames", "the file holds no frame that can be decoded")
        if not loop or k == first == 0:
            return
        begin_ms += k * period_ms


def _fps(capture: cv2.VideoCapture) -> float:
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if math.isfinite(fps) and 0.1 <= fps <= 240 else _FALLBACK_FPS


class Live:
    """Newest frames of an open capture; a thread reads so that the source never waits for us. `dropped` counts what was skipped."""

    def __init__(self, capture: cv2.VideoCapture, offset_ms: int) -> None:
        self.dropped = 0
        self._capture = capture
        self._offset_ms = offset_ms
        self._newest: tuple[int, Picture] | None = None
        self._ended = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True, name="capture").start()

    def __iter__(self) -> Live:
        return self

    def __next__(self) -> tuple[int, Picture]:
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended)
            if self._newest is None:
                raise Rejected("lost", "the stream ended")
            newest, self._newest = self._newest, None
            return newest

    def _read(self) -> None:
        got = True
        while got:
            got, picture = self._capture.read()
            at_ms = time.time_ns() // 1_000_000 + self._offset_ms
            with self._changed:
                self.dropped += got and self._newest is not None
                self._newest = (at_ms, cast("Picture", picture)) if got else self._newest
                self._ended = not got
                self._changed.notify()
