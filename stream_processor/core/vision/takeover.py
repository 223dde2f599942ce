"""A strip that is to take over from the one in use, sampled for another size of car: it learns its road beside it first."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.ground import Ground
from stream_processor.core.vision.learning import COVERED, ON_LINE, WARM_EVERY_MS, every, worth
from stream_processor.core.vision.line_evidence import everywhere
from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.road import Grey
from stream_processor.core.vision.strip import Strip

READY_MS = 1_600
SEED_S = 0.01
"""What the old strip's road is worth to the new one, where vehicles hide it all the time."""

Floats = NDArray[np.float32]


class Takeover:
    """The strip to come, its ground, and its pictures since the last chunk."""

    def __init__(self, strip: Strip, old: Strip, ground: Ground) -> None:
        self.strip = strip
        self.ground = Ground((int(strip.valid.shape[0]), int(strip.valid.shape[1])))
        self.learned_ms = 0
        self._waiting: list[Grey] = []
        self.ground.noise = resampled(ground.noise, strip, old)
        self.ground.learn(resampled(ground.value, strip, old), np.full(strip.valid.shape, SEED_S, np.float32))
        self.ground.settle()

    def look(self, grey: Grey, shift_px: tuple[float, float]) -> None:
        """One frame."""
        self._waiting.append(self.strip.look(grey, shift_px))

    def learn(self, old: Strip, difference: Floats, gains: Floats, times_ms: list[int]) -> bool:
        """Learn from the chunk that `old` has just worked off (its differences and gains); whether it is ready to take over."""
        first = len(times_ms) - len(self._waiting)
        chosen = [i for i in every(times_ms, WARM_EVERY_MS) if i >= first]
        for i in chosen:
            picture = self._waiting[i - first] / gains[i]
            covered = resampled(everywhere(difference[i]), self.strip, old) > ON_LINE
            share = worth(picture, np.ones_like(picture)) * np.float32(WARM_EVERY_MS / 1000)
            self.ground.learn(picture, np.where(covered, share * np.float32(COVERED), share))
        self.ground.settle()
        self._waiting = []
        self.learned_ms += len(chosen) * WARM_EVERY_MS
        return self.learned_ms >= READY_MS

    def snapshot(self) -> dict[str, Any]:
        """Everything, msgpack-able."""
        return {
            "unit_px": self.strip.unit_px, "ground": self.ground.snapshot(), "learned_ms": self.learned_ms,
            "waiting": [pack(picture) for picture in self._waiting],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self.ground.restore(state["ground"])
        self.learned_ms, self._waiting = state["learned_ms"], [unpack(p) for p in state["waiting"]]


def resampled(picture: Floats, strip: Strip, old: Strip) -> Floats:
    """What `old` sees as `strip` would see it."""
    rows, columns = strip.places_in(old)
    map_x, map_y = (np.ascontiguousarray(m, np.float32) for m in np.broadcast_arrays(columns, rows[:, None]))
    return np.asarray(cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
