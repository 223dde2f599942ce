"""A camera: video is decoded and measured in a child process, and only numbers (or small masked JPEGs) come back.

The child may die: some ordinary files abort the process inside OpenCV's reader. Then the camera says so (a Fault), a new child
starts 0.2 s later (doubling up to 30 s while it keeps dying) and goes on after the last frame that was measured, and further on when
it died there before. Recordings are re-dated to the clock, read at most two seconds ahead of it and never dropped; live streams drop
what comes too fast.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from city_model.child import Child, ChildDied
from city_model.clock import Clock
from city_model.codec import samples
from city_model.events import TrafficSample
from city_model.faults import ConfigError, Unavailable
from city_model.nursery import Nursery
from city_model.settings import between
from edge_agent.sources.port import Fault, Frame, Item
from edge_agent.sources.work import Work
from stream_processor.core.vision.geometry import load_geometry
from stream_processor.core.vision.stopped import DWELL_S

_AHEAD_MS, _GRANT_EVERY_MS = 2000, 500
_STALL_GRACE_S = 5.0  # beyond the patience of the reader itself, which can hang
_SKIP_MS = 500  # of the recording, doubled for every child that died without getting further
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.2, 30.0
_SCHEMES = ("rtsp", "rtsps", "http", "https")
ENV = {
    "OPENCV_IO_MAX_IMAGE_PIXELS": str(4096 * 4096),  # before cv2 is imported; a 124 kB picture otherwise took 6 GiB
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "rtsp_transport;tcp",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENBLAS_NUM_THREADS": "1",  # a pool of threads nobody uses costs tens of MB a camera
    "OMP_NUM_THREADS": "1",
}


def camera_nursery() -> Nursery:
    """Where the children of several cameras come from: 10 ms a start, and what they import is in memory once."""
    return Nursery(("edge_agent.sources.camera_child", "edge_agent.sources.video"), ENV)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Where the pictures come from (one of `file`, `url`, `index`, `frames`), and what is made of them.

    What stands on a live lane for `dwell_s` is a stopped vehicle.
    `frames` names "module:factory", called in the child with `spec`, giving (at_ms, picture) of a recording dated by the agent's clock.
    """

    device: str
    file: Path | None = None
    url: str = ""
    index: int | None = None
    loop: bool = False
    geometry: Path | None = None
    send: Literal["samples", "frames"] = "samples"
    sample_every_s: float = between(1, 300, default=5.0)
    dwell_s: float = between(3, 3600, default=DWELL_S)
    frame_every_s: float = between(0.04, 60, default=0.2)
    patience_s: float = between(1, 60, default=10.0)
    frames: str = ""
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """A stream or device: time is when a frame arrives."""
        return bool(self.url) or self.index is not None

    def check(self) -> Iterable[tuple[str, str, str]]:
        given = [n for n in ("file", "url", "index", "frames") if getattr(self, n) not in (None, "")]
        if len(given) != 1:
            yield "file", " and ".join(given) or "no source", "one of file, url, index"
        if self.file is not None and not self.file.is_file():
            yield "file", f"{self.file} is not there", "a video file"
        if self.url and (urlsplit(self.url).scheme not in _SCHEMES or not urlsplit(self.url).hostname):
            yield "url", f"a {urlsplit(self.url).scheme or 'nameless'} address", "an address of " + ", ".join(_SCHEMES)
        if self.geometry is not None:
            try:
                load_geometry(self.geometry)
            except ConfigError as err:
                for problem in err.problems:
                    yield "geometry", f"{problem.file}: {problem.key}: {problem.found}", problem.expected


class CameraSource:
    """One camera. `work` is what its present child has done (the frames of a live stream that it dropped, too), `deaths` counts children
    that died or gave up.
    """

    def __init__(self, settings: CameraSettings, clock: Clock, start_ms: int | None = None, nursery: Nursery | None = None) -> None:
        """A file's first frame is dated `start_ms` (None: when the source starts). Children come from `nursery`, if there is one."""
        self.device = settings.device
        self.work = Work()
        self.deaths = 0
        self._settings = settings
        self._clock = clock
        self._nursery = nursery
        self._child: Child | None = None
        self._pacer: asyncio.Task[None] | None = None
        self._start_ms = start_ms
        self._reached_ms = -1
        self._idle = False  # ended, or in a fault: nobody needs to wait for it
        self._moved = asyncio.Event()

    async def items(self) -> AsyncIterator[Item]:
        if self._start_ms is None:
            self._start_ms = self._clock.now_ms()
        self._reached_ms = -1 if self._settings.frames else self._start_ms - 1
        failures, skip_ms = 0, 0
        while True:
            before_ms, why = self._reached_ms, ""
            try:
                async with contextlib.aclosing(self._watch(before_ms + skip_ms)) as watch:
                    async for item in watch:
                        if item is None:
                            return
                        yield item
            except ChildDied as err:
                why = how_it_died(err)
            except (Unavailable, TimeoutError) as err:
                why = str(err) or "stalled: the decoder says nothing"
            self._set(idle=True)
            failures = 0 if self._reached_ms > before_ms else failures + 1
            if why:
                self.deaths += 1
                skip_ms = _SKIP_MS << min(failures, 12) if failures else 0
                yield Fault(self._clock.now_ms(), why)
            await asyncio.sleep(min(_FIRST_RETRY_S * 2 ** min(failures, 10), _LONGEST_RETRY_S) * random.uniform(0.8, 1.2))

    @property
    def child_pid(self) -> int | None:
        """Process id of the present child."""
        return self._child.pid if self._child is not None else None

    async def caught_up(self, up_to_ms: int | None) -> None:
        """Return when every frame up to `up_to_ms` was measured and what came of it taken, or the camera has ended, or is in a fault."""
        while up_to_ms is not None and not self._settings.is_live and self._reached_ms < up_to_ms and not self._idle:
            self._moved.clear()
            await self._moved.wait()

    async def close(self) -> None:
        """End the child."""
        self._set(idle=True)
        if self._pacer is not None:
            self._pacer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pacer
        if self._child is not None:
            await self._child.stop()
        self._pacer = self._child = None

    async def _watch(self, after_ms: int) -> AsyncGenerator[Item | None, None]:
        """One child's life; None at the end of the recording. Raises ChildDied, Unavailable or TimeoutError."""
        self._child = child = Child("edge_agent.sources.camera_child:run", self._argument(after_ms), env=ENV, nursery=self._nursery)
        await child.start()
        stall_s = self._settings.patience_s + _STALL_GRACE_S
        if not self._settings.is_live:
            self._pacer = asyncio.create_task(self._grant(child))
        try:
            while True:
                async with asyncio.timeout(stall_s):
                    kind, *rest = await child.receive()
                if kind == "end":
                    self._set(idle=True)
                    yield None
                elif kind == "over":
                    return
                elif kind == "fault":
                    self._set(idle=True)
                    yield Fault(self._clock.now_ms(), rest[0])
                elif kind == "reached":
                    self.work = msgspec.convert(rest[1], Work)
                    self._set(reached_ms=rest[0])
                else:
                    async for item in self._in_time(kind, rest):
                        yield item
        finally:
            await self.close()

    async def _in_time(self, kind: str, rest: list[Any]) -> AsyncIterator[Item]:
        """Items of a message, none before its time has come: a recording is measured a little ahead."""
        items: list[Frame] | list[TrafficSample] = [Frame(rest[0], rest[1])] if kind == "frame" else samples.decode(rest[0])
        for item in items:
            self._set(reached_ms=item.at_ms - 1)
            await self._clock.sleep_until(item.at_ms)
            yield item

    async def _grant(self, child: Child) -> None:
        """Let the child read up to two seconds ahead of the clock."""
        with contextlib.suppress(ChildDied):
            while True:
                now_ms = self._clock.now_ms()
                await child.send(now_ms + _AHEAD_MS)
                await self._clock.sleep_until(now_ms + _GRANT_EVERY_MS)

    def _argument(self, after_ms: int) -> dict[str, Any]:
        s = self._settings
        if s.frames:
            frames, spec = s.frames, dict(s.spec)
        elif s.file is not None:
            frames = "edge_agent.sources.video:frames"
            spec = {"file": str(s.file.resolve()), "start_ms": self._start_ms, "after_ms": after_ms, "loop": s.loop}
        else:
            frames = "edge_agent.sources.video:frames"
            offset_ms = self._clock.now_ms() - time.time_ns() // 1_000_000
            spec = {"offset_ms": offset_ms, "patience_s": s.patience_s, **({"url": s.url} if s.url else {"index": s.index})}
        return {
            "frames": frames, "spec": spec, "geometry": str(s.geometry) if s.geometry else "", "send": s.send, "paced": not s.is_live,
            "sample_every_s": s.sample_every_s, "dwell_s": s.dwell_s, "frame_every_s": s.frame_every_s,
            "after_ms": -1 if s.is_live else after_ms,
        }  # fmt: skip

    def _set(self, *, reached_ms: int = -1, idle: bool = False) -> None:
        self._reached_ms = max(self._reached_ms, reached_ms)
        self._idle = idle
        self._moved.set()


def how_it_died(err: ChildDied) -> str:
    """Words for a dead child; none when it ended by itself, having said why."""
    if err.exit_code == 0:
        return ""
    return f"decoder died ({f'signal {-err.exit_code}' if err.exit_code < 0 else f'exit code {err.exit_code}'})"
