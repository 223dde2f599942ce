"""Whether the camera sees anything at all. A sick camera's figures say nothing about the road: "no data", never "free".

Words: ok, frozen (the same picture again and again), black, over_exposed, blurred, low_rate. The worst that held for a sample's whole
span is told; a lorry before the lens or a flash of a second is not a fault.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.packing import pack, unpack

Health = Literal["ok", "frozen", "black", "over_exposed", "blurred", "low_rate"]

FROZEN_MS = 5_000
BLACK_MEAN = 16.0
WHITE_MEAN = 240.0
SAME_GREY = 0.05
"""Mean absolute difference of two pictures below which they are the same one: the weakest sensor noise is above 0.3."""
BLUR_SHARE = 0.35
"""Sharpness below this share of the camera's own usual one is blurred: a sigma of 3 px at 360 rows takes nine tenths away."""
USUAL_GROWTH_S = 600.0
LOW_RATE_SHARE = 1 / 3
RATE_GROWTH = 0.005
"""Share of a new gap between frames in the usual one: a camera that slows down for good is "low_rate" for some hundred frames."""

Grey = NDArray[np.uint8]


class HealthWatch:
    """State of one camera's health; `look` at every frame, `verdict` at the end of a sample."""

    def __init__(self) -> None:
        self._last: Grey | None = None
        self._changed_ms = self._sharp_ms = self._lit_ms = self._unburnt_ms = self._last_ms = -1
        self._usual_sharp = 0.0
        self._usual_gap_ms = 0.0
        self._frames = self._span_frames = 0

    def look(self, grey: Grey, at_ms: int) -> bool:
        """One frame's luma; says whether there is something new and visible in it, worth looking at."""
        small = cv2.resize(grey, (64, 48), interpolation=cv2.INTER_NEAREST_EXACT).astype(np.uint8, copy=False)
        first = self._last_ms < 0
        mean = float(small.mean())
        changed = first or self._last is None or float(cv2.absdiff(small, self._last).mean()) > SAME_GREY
        if changed:
            self._changed_ms = at_ms
        if first or mean >= BLACK_MEAN:
            self._lit_ms = at_ms
        if first or mean <= WHITE_MEAN:
            self._unburnt_ms = at_ms
        self._judge_sharpness(grey, at_ms, first)
        if not first:
            self._judge_rate(at_ms - self._last_ms)
        self._last, self._last_ms = small, at_ms
        self._frames += 1
        return changed and BLACK_MEAN <= mean <= WHITE_MEAN

    def _judge_rate(self, gap_ms: int) -> None:
        usual = self._usual_gap_ms
        self._usual_gap_ms = float(gap_ms) if usual == 0 else usual + RATE_GROWTH * (min(gap_ms, 5 * usual) - usual)
        self._span_frames += 1

    def _judge_sharpness(self, grey: Grey, at_ms: int, first: bool) -> None:
        if not first and self._frames % 5:
            return
        step = max(1, grey.shape[0] // 360)
        rows = np.ascontiguousarray(grey[:: 4 * step])
        sharp = float(cv2.absdiff(rows[:, step:], rows[:, :-step]).mean()) / max(float(rows.mean()), 8.0)
        if sharp >= self._usual_sharp:
            self._usual_sharp += 0.2 * (sharp - self._usual_sharp) if self._usual_sharp else sharp
        else:
            self._usual_sharp += (sharp - self._usual_sharp) * min(1.0, 5 * self._usual_gap_ms / 1000 / USUAL_GROWTH_S)
        if first or sharp >= BLUR_SHARE * self._usual_sharp:
            self._sharp_ms = at_ms

    def verdict(self, at_ms: int, span_ms: int) -> Health:
        """The camera's health over the `span_ms` up to `at_ms`."""
        if self._last_ms < 0:
            return "ok"
        if at_ms - self._lit_ms >= span_ms:
            return "black"
        if at_ms - self._unburnt_ms >= span_ms:
            return "over_exposed"
        if at_ms - self._changed_ms >= min(FROZEN_MS, span_ms):
            return "frozen"
        if at_ms - self._sharp_ms >= span_ms:
            return "blurred"
        frames, self._span_frames = self._span_frames, 0
        if self._usual_gap_ms > 0 and frames < LOW_RATE_SHARE * span_ms / self._usual_gap_ms - 1:
            return "low_rate"
        return "ok"

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next verdict depends on."""
        return {
            "last": None if self._last is None else pack(self._last),
            "at": [self._changed_ms, self._sharp_ms, self._lit_ms, self._unburnt_ms, self._last_ms],
            "usual": [self._usual_sharp, self._usual_gap_ms], "frames": [self._frames, self._span_frames],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._last = None if state["last"] is None else unpack(state["last"])
        self._changed_ms, self._sharp_ms, self._lit_ms, self._unburnt_ms, self._last_ms = state["at"]
        self._usual_sharp, self._usual_gap_ms = state["usual"]
        self._frames, self._span_frames = state["frames"]
