"""Whether the camera sees anything at all. A sick camera's figures say nothing about the road: "no data", never "free".

Words, most telling first: black, over_exposed, frozen (the same picture again and again), noisy, covered, moved, blurred, low_rate.
What has held for HOLD_MS without a break is told: a lorry before the lens, a flash or a jump of the exposure are not faults. Light,
repeated pictures and the rate are looked at with every frame, the rest every PROBE_MS. "no_signal" is said when no frame has
come at all; then somebody has to ask.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import cv2
import numpy as np

from stream_processor.core.vision import health_picture
from stream_processor.core.vision.health_picture import NORMAL_MAD, Grey, Light
from stream_processor.core.vision.health_view import ViewWatch
from stream_processor.core.vision.packing import pack, unpack

Health = Literal["ok", "black", "over_exposed", "frozen", "noisy", "covered", "moved", "blurred", "low_rate", "no_signal"]
WORDS: tuple[Health, ...] = get_args(Health)

HOLD_MS = 3_000
FROZEN_MS = 4_500
PROBE_MS = 400
BLACK_MEAN = 16.0
WHITE_MEAN, BURNT_SHARE = 235.0, 0.7
KEPT_IN_THE_DARK = 0.04
"""A black cover leaves this share of the picture as it was; a black picture does not."""
SAME_GREY = 0.05
"""Mean absolute difference of two pictures below which they are the same one: the weakest sensor noise is above 0.3."""
NOISY = 15.0
"""Standard deviation in grey levels; clean cameras have 0-4, the worst phone at night some 10."""
BLUR_FLOOR, BLUR_SHARE = 0.25, 0.4
"""Blurred: of what the sharpness usually is above BLUR_FLOOR, less than BLUR_SHARE is left."""
SHARP_SETTLED_S = 30.0
SILENT_GAPS = 8
"""No signal: no frame for so many usual gaps between frames, and for HOLD_MS."""
RATE_WINDOW_MS = 4_000
LOW_RATE_SHARE = 1 / 3
LEAST_GAPS = 20
RATE_SETTLED_MS = 300_000
"""The usual gap between frames follows in about this time: a camera that slows down for good is "low_rate" for some minutes."""
FORGET_MS = 600_000
"""After a longer silence the view may have changed by itself (night fell): learn it anew."""

_PICTURE_FAULTS: tuple[Health, ...] = ("black", "over_exposed", "noisy", "covered", "moved", "blurred")
_LESS_THAN_FROZEN: tuple[Health, ...] = ("noisy", "moved", "blurred")
"""A picture that stands still tells nothing more; black, burnt and covered ones may well stand still."""


class HealthWatch:
    """State of one camera's health; `look` at every frame, `verdict` at the end of a sample."""

    def __init__(self) -> None:
        self._last: Grey | None = None
        self._last_ms = self._changed_ms = self._probe_ms = -1
        self._well_ms: dict[Health, int] = dict.fromkeys(_PICTURE_FAULTS, -1)
        self._usual_sharp = self._sharp_s = 0.0
        self._moving_noise = 0.0
        self._suspects = False
        """Whether the last probe found anything."""
        self._usual_gap_ms = 0.0
        self._times: list[int] = []
        self._view = ViewWatch()

    def look(self, grey: Grey, at_ms: int) -> bool:
        """One frame's luma; says whether there is something new and visible in it, worth looking at."""
        if self._last_ms >= 0 and at_ms - self._last_ms > FORGET_MS:
            self._view, self._sharp_s = ViewWatch(), 0.0
        small = health_picture.small(grey)
        probes = self._probe_ms < 0 or at_ms - self._probe_ms >= PROBE_MS
        changed = self._compare(small, at_ms, noise=probes)
        self._judge_rate(at_ms)
        self._last, self._last_ms = small, at_ms
        if probes:
            since_ms, self._probe_ms = (PROBE_MS if self._probe_ms < 0 else at_ms - self._probe_ms), at_ms
            self._probe(grey, health_picture.light(small), at_ms, min(since_ms, 1_000) / 1000)
            self._suspects = any(well_ms < at_ms for well_ms in self._well_ms.values())
        return changed and not self._suspects and BLACK_MEAN <= cv2.mean(small)[0] <= WHITE_MEAN

    def _compare(self, small: Grey, at_ms: int, *, noise: bool) -> bool:
        """Whether the picture differs from the last one; by how much `noise`, where that is asked for."""
        if self._last is None:
            self._changed_ms = at_ms
            return True
        changed = cv2.norm(small, self._last, cv2.NORM_L1) > SAME_GREY * small.size
        if changed:
            self._changed_ms = at_ms
            if noise:
                upto = np.cumsum(health_picture.histogram(cv2.absdiff(small, self._last)))
                self._moving_noise = float(np.searchsorted(upto, upto[-1] / 2)) / NORMAL_MAD / 2**0.5
        return changed

    def _judge_rate(self, at_ms: int) -> None:
        times = self._times
        times.append(at_ms)
        while times[0] < at_ms - RATE_WINDOW_MS:
            del times[0]
        gap_ms = _mean_gap_ms(times)
        if self._usual_gap_ms == 0:
            self._usual_gap_ms = gap_ms if len(times) > LEAST_GAPS or gap_ms * LEAST_GAPS > RATE_WINDOW_MS else 0.0
        else:
            settled_ms = RATE_SETTLED_MS if gap_ms > self._usual_gap_ms else RATE_WINDOW_MS
            self._usual_gap_ms += min(1.0, (at_ms - self._last_ms) / settled_ms) * (gap_ms - self._usual_gap_ms)

    def _probe(self, grey: Grey, light: Light, at_ms: int, since_s: float) -> None:
        """All that is judged by single pictures."""
        now = self._fault(grey, light, since_s)
        for fault in _PICTURE_FAULTS:
            if fault != now:
                self._well_ms[fault] = at_ms
            elif self._well_ms[fault] < 0:
                self._well_ms[fault] = at_ms - 1

    def _fault(self, grey: Grey, light: Light, since_s: float) -> Health:
        """What is wrong with this picture. Only what is sound teaches."""
        if light.mean > WHITE_MEAN or light.burnt_share > BURNT_SHARE:
            return "over_exposed"
        if self._moving_noise > NOISY and health_picture.spatial_noise(grey) > NOISY:
            return "noisy"
        seen, brightness = health_picture.structure(grey)
        view = self._view.judge(seen, brightness)
        if light.mean < BLACK_MEAN:
            return "covered" if view == "covered" and self._view.kept_share >= KEPT_IN_THE_DARK else "black"
        if view == "covered" or view == "moved":
            return view
        sharp = health_picture.sharpness(grey)
        if sharp < BLUR_FLOOR + BLUR_SHARE * (self._usual_sharp - BLUR_FLOOR):
            return "blurred"
        if view == "ok":
            self._view.learn(seen, brightness, since_s)
            self._sharp_s += since_s
            self._usual_sharp += min(1.0, since_s / min(self._sharp_s, SHARP_SETTLED_S)) * (sharp - self._usual_sharp)
        return "ok"

    def verdict(self, at_ms: int, span_ms: int) -> Health:
        """The camera's health up to `at_ms`, the end of a span of `span_ms`."""
        if self._last_ms < 0:
            return "ok"
        hold_ms = min(HOLD_MS, span_ms)
        if at_ms - self._last_ms >= max(hold_ms, SILENT_GAPS * self._usual_gap_ms):
            return "no_signal"
        held = next((fault for fault in _PICTURE_FAULTS if self._probe_ms - self._well_ms[fault] >= hold_ms), None)
        frozen = at_ms - self._changed_ms >= min(FROZEN_MS, span_ms)
        if held is not None and not (frozen and held in _LESS_THAN_FROZEN):
            return held
        if frozen:
            return "frozen"
        return "low_rate" if self._is_slow(at_ms, span_ms) else "ok"

    def _is_slow(self, at_ms: int, span_ms: int) -> bool:
        """By the frames that came, so that a signal lost a moment ago is not taken for a low rate."""
        times = [t for t in self._times if t >= at_ms - min(RATE_WINDOW_MS, span_ms)]
        return self._usual_gap_ms > 0 and _mean_gap_ms(times) * LOW_RATE_SHARE > self._usual_gap_ms

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next verdict depends on."""
        return {
            "last": None if self._last is None else pack(self._last), "at": [self._last_ms, self._changed_ms, self._probe_ms],
            "well_ms": [self._well_ms[fault] for fault in _PICTURE_FAULTS], "sharp": [self._usual_sharp, self._sharp_s],
            "noise": self._moving_noise, "gap_ms": self._usual_gap_ms, "times": list(self._times),
            "view": self._view.snapshot(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._last = None if state["last"] is None else unpack(state["last"])
        self._last_ms, self._changed_ms, self._probe_ms = state["at"]
        self._well_ms = dict(zip(_PICTURE_FAULTS, state["well_ms"], strict=True))
        self._usual_sharp, self._sharp_s = state["sharp"]
        self._moving_noise, self._times = state["noise"], list(state["times"])
        self._usual_gap_ms = state["gap_ms"]
        self._suspects = any(well_ms < self._probe_ms for well_ms in self._well_ms.values())
        self._view.restore(state["view"])


def _mean_gap_ms(times: list[int]) -> float:
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
