"""The largest number of cameras that one core carries: a guess from one camera's work, short trials around it, a long one at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from edge_agent.cameras.bench_clips import BenchClip, write_geometry
from edge_agent.cameras.bench_run import FPS, Measured, Offline, measure
from edge_agent.cameras.play import Clip
from stream_processor.core.vision.camera import CameraVision

__all__ = ["Measured", "search"]

_TRIAL_S = 8.0
_PROBE_FRAMES = 400


def search(clip: BenchClip, folder: Path, core: int, seconds: float, cameras: int | None, say: Callable[[str], None]) -> list[Measured]:
    """All trials; the last is the answer (the most cameras that hold, or one camera that does not)."""
    toml = folder / "camera.toml"
    write_geometry(clip.geometry, toml)
    offline = Offline(clip.path, clip.geometry)
    trials: list[Measured] = []

    def holds(count: int, for_s: float) -> bool:
        trial = asyncio.run(measure(clip.path, toml, offline, count, core, for_s))
        trials.append(trial)
        say(f"{clip.path.name}: {count} cameras for {for_s:.0f} s {'hold' if trial.holds else 'do not hold'}: {trial.told}")
        return trial.holds

    if cameras is not None:
        holds(cameras, seconds)
        return trials
    count = most(max(1, int(1000 / FPS / _ms_a_frame(clip))), holds)
    while not holds(count, seconds) and count > 1:
        count = max(1, min(count - 1, int(count * 0.96)))
    return trials


def most(guess: int, holds: Callable[[int, float], bool]) -> int:
    """The most cameras that hold in a short trial, to a twentieth: from the guess outwards, then halving what is between."""
    low, high = 0, 0
    count = guess
    while not low or not high:
        if holds(count, _TRIAL_S):
            low, count = count, max(count + 1, int(count * 1.2))
        else:
            high, count = count, int(count * 0.8)
            if count < 1:
                return 1
    while high - low > max(1, low // 20):
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle, _TRIAL_S) else (low, middle)
    return low


def _ms_a_frame(clip: BenchClip) -> float:
    """Processor time of decoding and analysing one frame, alone."""
    vision = CameraVision(clip.geometry)
    begin_s = 0.0
    for k, played in enumerate(Clip(clip.path, FPS).play(100)):
        if k == _PROBE_FRAMES // 4:
            begin_s = time.process_time()
        if k == _PROBE_FRAMES:
            break
        vision.feed(played.picture, played.at_ms)
    return max(0.02, (time.process_time() - begin_s) * 1000 / (_PROBE_FRAMES * 0.75))
