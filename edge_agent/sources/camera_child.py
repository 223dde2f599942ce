"""What runs in a camera's child process: frames in, traffic samples (or small masked JPEGs) out. No pixel leaves it otherwise.

Messages to the parent: ["samples", JSON], ["frame", at_ms, JPEG], ["reached", at_ms, work], ["fault", words], ["end"]. `work` counts what
was done since the start: see `Work`. From the parent, for recordings: at_ms, the time up to which frames may be read ahead.

The process may hold MOST_BYTES and no more: a hostile picture is a fault of its camera, not the machine's end.
"""

from __future__ import annotations

import importlib
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from city_model.child import Parent
from city_model.codec import samples
from city_model.events import TrafficSample
from city_model.faults import ConfigError, Rejected
from edge_agent.sources.video import Live
from edge_agent.sources.work import Work
from stream_processor.core.vision.camera import CameraVision, load_geometry

Picture = NDArray[np.uint8]
MOST_BYTES = 4 << 30
"""Of address space: a 4096 x 4096 picture in every stage of decoding fits many times."""
_SAY_EVERY_S = 1.0
_MOST_JPEG_BYTES = 200_000  # below the 256 KiB of a message
_MOST_WIDTH_PX = 640
_QUALITIES = (80, 60, 40, 25)


def run(parent: Parent, argument: dict[str, Any]) -> None:
    """Analyse until the frames end. Faults are told; what kills the process is the parent's to notice.

    Then wait for the parent to end it: a socket that is closed while grants lie unread in it is reset, and takes with it what the parent
    has not read yet.
    """
    parent.send([_analyse(parent, argument)])
    parent.wait_for_its_end()


def _analyse(parent: Parent, argument: dict[str, Any]) -> str:
    """What to say at last: "end" after the last frame of a recording, "over" where another child may have more luck."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    cv2.setNumThreads(1)
    try:
        _Watch(parent, argument).work(_frames(argument))
    except Rejected as err:
        parent.send(["fault", err.detail])
        if err.code != "truncated":
            return "over"
    except ConfigError as err:
        parent.send(["fault", str(err)])
        return "over"
    except (cv2.error, MemoryError) as err:
        parent.send(["fault", f"the decoder gave up: {' '.join(str(err).split())[:200]}"])
        return "over"
    return "end"


def _frames(argument: dict[str, Any]) -> Iterator[tuple[int, Picture]]:
    module, _, name = argument["frames"].partition(":")
    factory: Callable[[dict[str, Any]], Iterator[tuple[int, Picture]]] = getattr(importlib.import_module(module), name)
    return factory(argument["spec"])


class _Watch:
    """One camera at work."""

    def __init__(self, parent: Parent, argument: dict[str, Any]) -> None:
        self._parent = parent
        geometry = argument["geometry"]
        road = load_geometry(Path(geometry) if geometry else None)
        self._vision = CameraVision(road, argument["sample_every_s"], argument["dwell_s"])
        self._send_frames = argument["send"] == "frames"
        self._frame_every_ms = round(argument["frame_every_s"] * 1000)
        self._paced: bool = argument["paced"]
        self._after_ms: int = argument["after_ms"]
        self._limit_ms = self._after_ms
        self._next_frame_ms = 0
        self._said_s = 0.0
        self._bad_frames = 0
        self._work = Work()

    def work(self, frames: Iterator[tuple[int, Picture]]) -> None:
        """Every frame, in time."""
        live = frames if isinstance(frames, Live) else None
        if live is not None and not self._send_frames:
            live.on_silence = lambda at_ms: self._say(self._vision.idle(at_ms))
        for at_ms, picture in frames:
            if at_ms <= self._after_ms:
                continue
            if self._paced:
                self._wait_for(at_ms)
            before_s = time.thread_time()
            self._look(at_ms, picture)
            self._work.vision_s += time.thread_time() - before_s
            self._work.frames += 1
            if live is not None:
                self._work.count_late(live.late_ms(at_ms))
                self._work.dropped, self._work.decode_s = live.dropped, live.decode_s
            if time.monotonic() - self._said_s > _SAY_EVERY_S:
                self._say_reached(at_ms)
                while self._paced and self._parent.waiting():
                    self._limit_ms = self._parent.receive()

    def _wait_for(self, at_ms: int) -> None:
        """Until a frame of `at_ms` may be read. Grants are looked at once a second, or when they are needed: a look is a system call."""
        while at_ms > self._limit_ms:
            if self._parent.waiting(within_s=0.0):
                self._limit_ms = self._parent.receive()
                continue
            self._say_reached(self._limit_ms)
            if self._parent.waiting(within_s=_SAY_EVERY_S):
                self._limit_ms = self._parent.receive()

    def _look(self, at_ms: int, picture: Picture) -> None:
        if self._send_frames:
            if at_ms >= self._next_frame_ms:
                self._next_frame_ms = at_ms + self._frame_every_ms
                self._parent.send(["frame", at_ms, _jpeg(self._vision.masked(picture))])
            return
        try:
            seen = self._vision.feed(picture, at_ms)
        except Rejected as err:
            self._bad_frames += 1
            if self._bad_frames & (self._bad_frames - 1) == 0:  # the 1st, 2nd, 4th, 8th …
                self._parent.send(["fault", err.detail])
            return
        self._say(seen)

    def _say(self, seen: list[TrafficSample]) -> None:
        if seen:
            self._parent.send(["samples", samples.encode(seen)])

    def _say_reached(self, at_ms: int) -> None:
        self._said_s = time.monotonic()
        self._parent.send(["reached", at_ms, self._work.told()])


def _jpeg(picture: Picture) -> bytes:
    """A small JPEG: at most 640 pixels wide and 200 kB, whatever the scene."""
    height, width = picture.shape[:2]
    if width > _MOST_WIDTH_PX:
        picture = np.asarray(
            cv2.resize(picture, (_MOST_WIDTH_PX, round(height * _MOST_WIDTH_PX / width)), interpolation=cv2.INTER_AREA), np.uint8
        )
    for quality in _QUALITIES:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if data.size <= _MOST_JPEG_BYTES:
            break
    return data.tobytes()
