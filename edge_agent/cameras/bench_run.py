"""N cameras on one core: the production path (source, child process, decoder thread, analysis) fed by streams that wait for nobody."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from city_model.clock import WallClock
from city_model.events import TrafficSample
from city_model.nursery import Nursery
from edge_agent.cameras.play import Clip
from edge_agent.sources.camera import CameraSettings, CameraSource, camera_nursery
from edge_agent.sources.port import Fault
from edge_agent.sources.work import BIN_MS, Work
from stream_processor.core.vision.camera import CameraGeometry, CameraVision

START_MS = 1_700_000_000_000
"""The first frame of every camera is dated so: what they see must be the same, to the last digit."""
SAMPLE_EVERY_S = 5.0
FPS = 25.0
_READY_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Measured:
    """What N cameras did in `seconds`; `frames`: as many as they measure in that time.

    `late_ms` is the 99th percentile, `wrong` counts cameras whose samples are not the offline ones.
    """

    cameras: int
    seconds: float
    frames: int
    dropped: int
    late_ms: float
    decode_ms: float
    vision_ms: float
    rest_ms: float
    samples: int
    wrong: int
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """No frame dropped, 99 of 100 measured within 200 ms, every figure as offline, and each camera at its full rate."""
        full = self.frames >= 0.98 * self.cameras * FPS * self.seconds
        return full and not self.dropped and self.late_ms < 200 and not self.wrong and not self.faults

    @property
    def full_at(self) -> int:
        """How many such cameras' work fills a core: what more calm on the machine could give at the most."""
        return int(1000 / FPS / max(self.decode_ms + self.vision_ms + self.rest_ms, 1e-3))

    @property
    def told(self) -> str:
        """In words, for a person."""
        total = self.decode_ms + self.vision_ms + self.rest_ms
        told = (
            f"{total:.3f} ms a frame, {self.full_at} fill the core "
            f"(decode {self.decode_ms:.3f}, vision {self.vision_ms:.3f}, rest {self.rest_ms:.3f}), "
            f"{self.frames / self.seconds / self.cameras:.1f} fps, {self.dropped} dropped, p99 {self.late_ms:.0f} ms late, "
            f"{self.samples} samples"
        )
        return told + (f", {self.wrong} cameras with other figures" if self.wrong else "") + "".join(f", {f}" for f in self.faults)


class Offline:
    """What the analysis says when it may take its time; played as far as it is asked for."""

    def __init__(self, clip: Path, geometry: CameraGeometry) -> None:
        self._vision = CameraVision(geometry, SAMPLE_EVERY_S)
        self._frames = Clip(clip, FPS).play(1_000_000)
        self._samples: list[TrafficSample] = []

    def samples(self, count: int) -> list[TrafficSample]:
        """The first `count` samples."""
        while len(self._samples) < count:
            played = next(self._frames)
            self._samples += self._vision.feed(played.picture, START_MS + played.at_ms)
        return self._samples[:count]


class Camera:
    """One camera at work, and what came of it."""

    def __init__(self, clip: Path, geometry: Path, number: int, of: int, nursery: Nursery) -> None:
        spec = {"file": str(clip), "fps": FPS, "start_ms": START_MS, "phase": number / of}
        settings = CameraSettings(
            f"cam-{number}", frames="edge_agent.sources.video:replayed", spec=spec, geometry=geometry, sample_every_s=SAMPLE_EVERY_S
        )
        self.source = CameraSource(settings, WallClock(), nursery=nursery)
        self.samples: list[TrafficSample] = []
        self.faults: list[str] = []
        self.before = Work()
        self._task = asyncio.create_task(self._watch())

    @property
    def is_ready(self) -> bool:
        """Whether its frames are coming."""
        return self.source.work.frames > 0 or bool(self.faults)

    async def stop(self) -> None:
        """End the child."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.source.close()

    async def _watch(self) -> None:
        async for item in self.source.items():
            if isinstance(item, TrafficSample):
                self.samples.append(item)
            elif isinstance(item, Fault):
                self.faults.append(item.reason)


async def measure(clip: Path, geometry: Path, offline: Offline, cameras: int, core: int, seconds: float) -> Measured:
    """Start `cameras` on all cores, pin them and this process to `core`, wait for the queues to settle, and count for `seconds`."""
    everywhere = os.sched_getaffinity(0)
    running: list[Camera] = []
    nursery = camera_nursery()
    try:
        for number in range(cameras):
            running.append(Camera(clip, geometry, number, cameras, nursery))
            if number % 4 == 3:
                await _ready(running)
        await _ready(running)
        pin([os.getpid(), *(pid for camera in running if (pid := camera.source.child_pid) is not None)], core)
        await asyncio.sleep(2.5)
        for camera in running:
            camera.before = camera.source.work
        await asyncio.sleep(seconds)
        return _judge(running, offline, seconds)
    finally:
        os.sched_setaffinity(0, everywhere)
        await asyncio.gather(*(camera.stop() for camera in running))
        await nursery.close()


async def _ready(running: list[Camera]) -> None:
    while not all(camera.is_ready for camera in running):
        await asyncio.sleep(_READY_POLL_S)


def pin(processes: list[int], core: int) -> None:
    """Every thread of `processes` on `core` and nowhere else (Linux)."""
    for process in processes:
        for thread in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), {core})


def _judge(running: list[Camera], offline: Offline, seconds: float) -> Measured:
    works = [camera.source.work.since(camera.before) for camera in running]
    measured = sum(work.frames for work in works)
    per_frame = 1000 / max(measured, 1)
    decode, vision, cpu = (sum(getattr(work, name) for work in works) * per_frame for name in ("decode_s", "vision_s", "cpu_s"))
    frames = round(sum(work.frames * seconds / work.told_s for work in works if work.told_s > 0))  # a child tells once a second or so
    wrong = sum(camera.samples != offline.samples(len(camera.samples)) for camera in running)
    faults = tuple(sorted({fault for camera in running for fault in camera.faults}))
    return Measured(
        len(running), seconds, frames, sum(camera.source.work.dropped for camera in running), _p99_ms(works),
        decode, vision, cpu - decode - vision, sum(len(camera.samples) for camera in running), wrong, faults,
    )  # fmt: skip


def _p99_ms(works: list[Work]) -> float:
    bins = [sum(column) for column in zip(*(work.late for work in works), strict=True)]
    allowed = sum(bins) // 100
    for i in reversed(range(len(bins))):
        allowed -= bins[i]
        if allowed < 0:
            return float((i + 1) * BIN_MS)
    return 0.0
