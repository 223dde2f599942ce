"""Cameras that fall ill: faults put into a clean clip's pictures, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.health import Health

Grey = NDArray[np.uint8]
Stream = Iterator[tuple[int, Grey]]
"""(at_ms, picture)."""
Sicken = Callable[[Grey], Grey]

LEAST_MOVE = 0.05  # of the width
COVERED = (0.8, 0.95)  # of the picture
SPARE = 64  # pixels of noise more than the picture each way


def fall_ill(frames: Stream, fault: Health, from_ms: int, rng: np.random.Generator) -> Stream:
    """`frames` with `fault` from `from_ms` on; its strength is drawn anew for each call."""
    if fault == "low_rate":
        yield from _every_so_many(frames, from_ms, int(rng.integers(4, 9)))
    elif fault == "no_signal":
        yield from ((at_ms, frame) for at_ms, frame in frames if at_ms < from_ms)
    elif fault == "frozen":
        yield from _frozen(frames, from_ms)
    else:
        sicken: Sicken | None = None
        for at_ms, frame in frames:
            if at_ms >= from_ms and sicken is None:
                sicken = _MAKERS[fault](frame, rng)
            yield at_ms, (frame if sicken is None else sicken(frame))


def _every_so_many(frames: Stream, from_ms: int, every: int) -> Stream:
    for i, (at_ms, frame) in enumerate(frames):
        if at_ms < from_ms or i % every == 0:
            yield at_ms, frame


def _frozen(frames: Stream, from_ms: int) -> Stream:
    last: Grey | None = None
    for at_ms, frame in frames:
        if at_ms < from_ms or last is None:
            last = frame
        yield at_ms, last


def _blurred(frame: Grey, rng: np.random.Generator) -> Sicken:
    sigma = rng.uniform(3.0, 6.0) * frame.shape[0] / 360
    return lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def _covered(frame: Grey, rng: np.random.Generator) -> Sicken:
    """Something close to the lens: out of focus, of one shade that slowly changes across it; a strip of the picture is left at one side."""
    height, width = frame.shape
    left = 1 - rng.uniform(*COVERED)
    share = np.full((height, width), 1.0, np.float32)
    side = int(rng.integers(4))
    if side < 2:
        strip = max(1, round(left * width))
        share[:, slice(None, strip) if side == 0 else slice(-strip, None)] = 0.0
    else:
        strip = max(1, round(left * height))
        share[slice(None, strip) if side == 2 else slice(-strip, None), :] = 0.0
    share = np.asarray(cv2.GaussianBlur(share, (0, 0), height / 90), np.float32)
    ramp = np.linspace(-15, 15, width, dtype=np.float32)[None, :] * rng.choice([-1, 1])
    cover = (rng.uniform(25, 190) + ramp) * share
    return lambda picture: np.clip(picture * (1 - share) + cover, 0, 255).astype(np.uint8)


def _moved(frame: Grey, rng: np.random.Generator) -> Sicken:
    """By at least LEAST_MOVE of the width in any direction; what comes in at the border is a copy of it."""
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(LEAST_MOVE, 0.15) * frame.shape[1]
    shift = np.array([[1, 0, np.cos(angle) * length], [0, 1, np.sin(angle) * length]], np.float32)
    size = (frame.shape[1], frame.shape[0])
    return lambda picture: np.asarray(cv2.warpAffine(picture, shift, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


def _noisy(frame: Grey, rng: np.random.Generator) -> Sicken:
    height, width = frame.shape
    field = rng.normal(0, rng.uniform(25, 40), (height + SPARE, width + SPARE)).astype(np.float32)

    def add(picture: Grey) -> Grey:
        y, x = rng.integers(SPARE, size=2)
        return np.asarray(np.clip(picture + field[y : y + height, x : x + width], 0, 255), np.uint8)

    return add


def _black(frame: Grey, rng: np.random.Generator) -> Sicken:
    gain = float(rng.uniform(3, 14.5)) / max(float(frame.mean()), 1.0)
    return lambda picture: np.asarray(cv2.convertScaleAbs(picture, alpha=gain), np.uint8)


def _over_exposed(frame: Grey, rng: np.random.Generator) -> Sicken:
    """So bright that at least 0.8 of the picture is white."""
    dark = max(float(np.quantile(frame, rng.uniform(0.05, 0.2))), 1.0)
    return lambda picture: np.asarray(cv2.convertScaleAbs(picture, alpha=250 / dark), np.uint8)


_MAKERS: dict[Health, Callable[[Grey, np.random.Generator], Sicken]] = {
    "blurred": _blurred, "covered": _covered, "moved": _moved, "noisy": _noisy, "black": _black, "over_exposed": _over_exposed,
}  # fmt: skip
FAULTS: tuple[Health, ...] = (*_MAKERS, "frozen", "low_rate", "no_signal")


def exposure_jumps(frames: Stream, every_ms: int, rng: np.random.Generator) -> Stream:
    """A healthy camera's automatic exposure: it jumps by up to 40 % every `every_ms`, darker or brighter."""
    gains: dict[int, float] = {}
    for at_ms, frame in frames:
        gain = gains.setdefault(at_ms // every_ms, float(rng.uniform(0.6, 1.4)))
        yield at_ms, np.asarray(cv2.convertScaleAbs(frame, alpha=gain), np.uint8)


def shaken(frames: Stream, width_share: float, rng: np.random.Generator) -> Stream:
    """A healthy camera on a mast in the wind, or in a hand: it wanders by about `width_share` of the width about its place."""
    place = np.zeros(2)
    for at_ms, frame in frames:
        place = 0.95 * place + 0.31 * rng.normal(0, width_share * frame.shape[1], 2)
        shift = np.array([[1, 0, place[0]], [0, 1, place[1]]], np.float32)
        moved = cv2.warpAffine(frame, shift, (frame.shape[1], frame.shape[0]), borderMode=cv2.BORDER_REFLECT)
        yield at_ms, np.asarray(moved, np.uint8)
