"""Real vehicles that stop: cut out of a clip in the middle of a lane and kept there while the clip goes on, then driven away.

The bare road is the median of the clip; a vehicle is what differs from it around a counting line in the frame in which its middle is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.cameras.truth import TrueClip, TrueLine

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

DIFFERS = (18, 28, 40)
"""Grey levels of 255 by which a vehicle differs from the road; more where less lets it run into shadows or its neighbours."""
SOLID_SHARE = 0.6
LARGEST_SHARE = 0.4
LEAST_PX = 60
MARGIN_PX = 3
PULLS_AWAY_S = 2.0


@dataclass(frozen=True, slots=True)
class CutOut:
    """A vehicle of one frame: its picture and how much of each pixel it is (0..1), where, and how it drove (pixels per second)."""

    line: str
    frame: int
    left: int
    top: int
    coat: Floats
    alpha: Floats
    speed_px_s: tuple[float, float]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.coat.shape[1], self.coat.shape[0]


@dataclass(frozen=True, slots=True)
class Freeze:
    """A clip in a loop in which one vehicle stops at `stops_ms` and drives on at `leaves_ms`."""

    cut: CutOut
    stops_ms: int
    leaves_ms: int
    ends_ms: int

    def play(self, frames: Sequence[Grey], fps: float, start_ms: int) -> Iterator[tuple[int, Grey]]:
        """(at_ms, picture) from `start_ms` on."""
        usual = float(np.median(frames[self.cut.frame]))
        k = 0
        while (at_ms := round(k * 1000 / fps)) < self.ends_ms:
            frame = frames[k % len(frames)]
            if at_ms >= self.stops_ms:
                frame = self._pasted(frame, at_ms, float(np.median(frame)) / max(usual, 1.0))
            yield start_ms + at_ms, frame
            k += 1

    def _pasted(self, frame: Grey, at_ms: int, gain: float) -> Grey:
        away_s = max(0.0, (at_ms - self.leaves_ms) / 1000)
        driven_s = away_s**2 / (2 * PULLS_AWAY_S) if away_s < PULLS_AWAY_S else away_s - PULLS_AWAY_S / 2
        x, y = (round(place + speed * driven_s) for place, speed in zip((self.cut.left, self.cut.top), self.cut.speed_px_s, strict=True))
        width, height = self.cut.size
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, frame.shape[1]), min(y + height, frame.shape[0])
        if left >= right or top >= bottom:
            return frame
        part = np.s_[top - y : bottom - y, left - x : right - x]
        alpha = self.cut.alpha[part]
        out = frame.copy()
        mixed = out[top:bottom, left:right] * (1 - alpha) + np.clip(self.cut.coat[part] * gain, 0, 255) * alpha
        out[top:bottom, left:right] = np.rint(mixed).astype(np.uint8)
        return out


def cut_outs(clip: TrueClip, frames: Sequence[Grey]) -> list[CutOut]:
    """Every vehicle of the clip that can be cut out cleanly."""
    road = np.median(np.stack(frames[:: max(1, len(frames) // 48)]), axis=0).astype(np.uint8)
    found: list[CutOut] = []
    for line in clip.lines:
        for crossing in line.frames:
            cut = _cut(frames, road, line, int(crossing), clip.fps)
            if cut is not None and all((cut.frame, cut.left, cut.top) != (other.frame, other.left, other.top) for other in found):
                found.append(cut)
    return found


def _cut(frames: Sequence[Grey], road: Grey, line: TrueLine, crossing: int, fps: float) -> CutOut | None:
    """The vehicle whose front touches `line` at frame `crossing`, in the frame in which its middle has reached the line."""
    unit = np.asarray(line.direction_vector) / np.hypot(*line.direction_vector)
    at = float(np.dot(line.line[:2], unit))
    step = max(1, round(fps * 0.08))
    for k in range(crossing, min(crossing + round(fps), len(frames) - step)):
        box = _vehicle(frames[k], road, line)
        if box is None:
            continue
        left, top, width, height, mask = box
        middle = float(np.dot((left + width / 2, top + height / 2), unit))
        if middle < at:
            continue
        later = _vehicle(frames[k + step], road, line)
        if later is None or k == crossing:
            return None
        moved = np.array([later[0] + later[2] / 2 - left - width / 2, later[1] + later[3] / 2 - top - height / 2])
        forward = float(moved @ unit)
        if forward < 0.5 or forward < 0.5 * np.hypot(*moved):
            return None
        alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
        coat = frames[k][top : top + height, left : left + width].astype(np.float32)
        speed = moved * (fps / step)
        return CutOut(line.name, k, left, top, coat, np.asarray(alpha, np.float32), (float(speed[0]), float(speed[1])))
    return None


def _vehicle(frame: Grey, road: Grey, line: TrueLine) -> _Found | None:
    """The one solid thing on `line` that is not road; None where nothing, or something too large or in pieces, is."""
    gain = float(np.median(frame)) / max(float(np.median(road)), 1.0)
    as_bright = np.clip(road * gain, 0, 255).astype(np.uint8)
    differs = cv2.GaussianBlur(cv2.absdiff(frame, as_bright), (0, 0), 1.0)
    share = np.linspace(0, 1, 200)
    xs = np.clip(np.rint(line.line[0] + share * (line.line[2] - line.line[0])), 0, frame.shape[1] - 1).astype(int)
    ys = np.clip(np.rint(line.line[1] + share * (line.line[3] - line.line[1])), 0, frame.shape[0] - 1).astype(int)
    for bound in DIFFERS:
        found = _largest_on(np.asarray(differs > bound), xs, ys)
        if found is not None:
            return found
    return None


def _largest_on(differs: NDArray[np.bool_], xs: NDArray[np.intp], ys: NDArray[np.intp]) -> _Found | None:
    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    on_line = labels[ys, xs]
    on_line = on_line[on_line > 0]
    if not len(on_line):
        return None
    label = int(np.bincount(on_line).argmax())
    left, top, width, height, area = (int(v) for v in stats[label])
    high, wide = differs.shape
    inside = left > MARGIN_PX and top > MARGIN_PX and left + width < wide - MARGIN_PX and top + height < high - MARGIN_PX
    fits = max(width / wide, height / high) < LARGEST_SHARE
    if not inside or not fits or area < max(LEAST_PX, SOLID_SHARE * width * height):
        return None
    return left, top, width, height, (labels[top : top + height, left : left + width] == label).astype(np.uint8)


_Found = tuple[int, int, int, int, NDArray[np.uint8]]
"""Left, top, width, height and mask."""
