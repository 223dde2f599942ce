"""Crossings of a counting line: the evidence on the line, frame after frame, is a slit picture; its blobs are vehicles.

Frames are only sampled as they come; every CHUNK_MS the strips that have gathered are worked off together, the first ones after WARM_MS,
when the road is known. A blob that has ended is told at once; one that goes on (a queue over the line) is cut as it passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.blobs import BASE, Blob, Slit, components, vehicles
from stream_processor.core.vision.learning import Learner
from stream_processor.core.vision.line_evidence import differences, on_line
from stream_processor.core.vision.pace import Pace, ellipses, pace
from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.retreat import drove_back
from stream_processor.core.vision.road import Grey
from stream_processor.core.vision.slit import SlitRows
from stream_processor.core.vision.strip import UNIT_CELLS, Strip
from stream_processor.core.vision.takeover import Takeover
from stream_processor.core.vision.unit import WIDER, CarSize

CUT_MS, CHUNK_MS = 400, 830
"""A chunk is two cuts and the frame between them."""
WARM_MS = 2_000
GAP_MS = 1_500
"""Frames farther apart than this have nothing to do with each other."""
LONG_MS = 2_400
"""A blob that has gone on for so long is cut before it ends."""
ENDED_MS = 600
STANDS_MS = 3_000
KEPT_MS = 6_000
CONTEXT_ROWS = 10
NEAR_ACROSS = 1.0
NEAR_ALONG = 0.9
"""Two peaks of one vehicle lie within so many car widths across and car lengths along."""
USUAL_ROWS_S = 60.0
BACKWARDS_ROWS_S = -4.5
NARROWEST = 0.33
"""In car widths; a motorcycle is 0.4 wide. What is narrower is a remnant: a mirror, a shadow's edge, the rim of a blob already told."""
REBUILD = 0.1

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One vehicle: when its front touched the line, its size as seen there (metres) and speed (m/s).

    Metres are the geometry's where it has any; otherwise the usual car on this line is 1.8 m wide, along the travel as across it.
    """

    at_ms: int
    column: float
    width_m: float
    length_m: float
    speed_m_s: float
    share: float = 0.5
    width_share: float = 0.0
    """Where along the line its middle was, from the line's start (0) to its end (1), and how much of the line it took."""


class LineCounter:
    """State of one counting line. `backwards`: who crossed it against its direction and was not counted; whoever reads it empties it."""

    def __init__(self, strip: Strip) -> None:
        self._first = strip
        self._size = CarSize(strip.unit_px, known=strip.known_px is not None)
        self._begin(strip)
        self._waiting: list[Grey] = []
        self._waiting_ms: list[int] = []
        self._usual_rows_s = USUAL_ROWS_S
        self.backwards: list[Crossing] = []

    def _begin(self, strip: Strip) -> None:
        shape = (int(strip.valid.shape[0]), int(strip.valid.shape[1]))
        self._strip = strip
        self._learner = Learner(shape)
        self._slit = SlitRows(shape)
        self._told: list[tuple[int, float, Pace]] = []
        self._next: Takeover | None = None

    @property
    def unit_px(self) -> float:
        """The width of a car at the line that it counts with, in pixels."""
        return self._strip.unit_px

    def look(self, grey: Grey, at_ms: int, shift_px: tuple[float, float] = (0.0, 0.0)) -> list[Crossing]:
        """Crossings that have become certain with this frame; the whole frame is displaced by `shift_px`."""
        crossings: list[Crossing] = []
        if self._waiting and at_ms - self._waiting_ms[-1] > GAP_MS:
            crossings = self._work() if self._learner.started else []
            self._waiting, self._waiting_ms = [], []
            self._slit.forget(len(self._slit.times_ms))
        self._waiting.append(self._strip.look(grey, shift_px))
        if self._next is not None:
            self._next.look(grey, shift_px)
        self._waiting_ms.append(at_ms)
        if at_ms - self._waiting_ms[0] >= (CHUNK_MS if self._learner.started else WARM_MS):
            crossings += self._work()
        return crossings

    def finish(self) -> list[Crossing]:
        """Crossings that no further frame will decide: the recording has ended. What is on the line now is counted."""
        enough = self._learner.started or len(self._waiting) > 1
        crossings = self._work() if self._waiting and enough else []
        return crossings + (self._cut(self._slit.times_ms[-1], ends=True) if self._slit.times_ms else [])

    def _work(self) -> list[Crossing]:
        """Work off the strips that have gathered."""
        times_ms, pictures = self._waiting_ms, np.stack(self._waiting).astype(np.float32)
        self._waiting, self._waiting_ms = [], []
        valid, learner = self._strip.valid, self._learner
        if not learner.started:
            learner.begin(pictures, times_ms, valid)
        gains = learner.ground.gains(pictures, valid)
        pictures /= gains[:, None, None]
        difference = differences(pictures, learner.ground.value, learner.ground.noise, valid)
        crossings = self._see(difference, times_ms)
        learner.study(pictures, difference, times_ms)
        if self._next is not None and self._next.learn(self._strip, difference, gains, times_ms):
            self._take_over(self._next)
        self._rescale()
        return crossings

    def _see(self, difference: Floats, times_ms: list[int]) -> list[Crossing]:
        """Put a chunk into the slit, and cut it every CUT_MS: how often decides how what goes on is cut."""
        crossings: list[Crossing] = []
        whole, first = on_line(difference, self._strip.middle), 0
        for i, at_ms in enumerate(times_ms):
            if i + 1 == len(times_ms) or at_ms - times_ms[first] >= CUT_MS:
                part = slice(first, i + 1)
                self._slit.append(difference[part], whole[part], times_ms[part], self._usual_rows_s)
                crossings += self._cut(at_ms)
                first = i + 1
        return crossings

    def _cut(self, now_ms: int, *, ends: bool = False) -> list[Crossing]:
        """Blobs that have ended (all of them where everything `ends`), and those of long ones that lie far enough back."""
        slit, crossings = self._slit, []
        rows, times = len(slit.times_ms), slit.times_ms
        oldest_open = rows
        cutting = self._cutting()
        for part, mask in components(slit.level, BASE):
            high, wide = mask.shape
            is_open = part.top + high >= rows - 1 and not ends
            if is_open:
                oldest_open = min(oldest_open, part.top)
                if times[part.top] > now_ms - LONG_MS:
                    continue
            for blob in vehicles(part, cutting):
                if is_open and times[blob.last_row] > now_ms - ENDED_MS and times[blob.first_row] > now_ms - STANDS_MS:
                    continue
                if not self._known(blob, remember=is_open):
                    crossings += self._judge(blob)
                if is_open:
                    self._wipe(blob)
            if not is_open:
                slit.level[part.top : part.top + high, part.left : part.left + wide][mask] = 0
        self._told = [t for t in self._told if now_ms - t[0] < KEPT_MS]
        self._forget(oldest_open, now_ms)
        return crossings

    def _cutting(self) -> Slit:
        """The slit as `blobs` sees it; a patch's pace is measured once."""
        slit, memo = self._slit, dict[tuple[int, int], Pace]()

        def pace_at(row: int, column: int) -> Pace:
            if (row, column) not in memo:
                found = pace(slit.differences, slit.frames_ms, slit.frame_of[row], column)
                memo[row, column] = found or Pace(self._usual_rows_s, 0.0)
            return memo[row, column]

        return Slit(_clock(slit.times_ms), pace_at, self._half)

    @property
    def _half(self) -> tuple[float, float]:
        """The ellipse within which peaks are one vehicle's: cells along and across."""
        return NEAR_ALONG * self._size.length_px / self._strip.cell_px, NEAR_ACROSS * UNIT_CELLS

    def _known(self, blob: Blob, *, remember: bool) -> bool:
        """Whether the vehicle was told already; what stands on the line is found again and again."""
        at_ms = self._slit.times_ms[blob.peak_row]
        for told_ms, column, told_pace in self._told:
            if ellipses((at_ms - told_ms) / 1000, blob.column - column, (blob.pace, told_pace), self._half) < 1:
                if remember:
                    self._told.append((at_ms, blob.column, blob.pace))
                return True
        if remember:
            self._told.append((at_ms, blob.column, blob.pace))
        return False

    def _wipe(self, blob: Blob) -> None:
        """Take a vehicle that was told out of the slit."""
        part = blob.part
        high, wide = part.picture.shape
        self._slit.level[part.top : part.top + high, part.left : part.left + wide][part.picture > 0] = 0

    def _judge(self, blob: Blob) -> list[Crossing]:
        rows_s = blob.pace.rows_s
        if blob.width_cells < NARROWEST * UNIT_CELLS:
            return []
        times, cell_px, cell_m = self._slit.times_ms, self._strip.cell_px, self._strip.cell_m
        span_s = (times[blob.last_row] - times[max(blob.first_row - 1, 0)]) / 1000
        length_cells = span_s * abs(rows_s)
        width_m = blob.width_cells * cell_m / WIDER
        columns = self._slit.level.shape[1]
        crossing = Crossing(
            times[blob.first_row], blob.column, width_m, length_cells * cell_m, rows_s * cell_m,
            (blob.column + 0.5) / columns, blob.width_cells / columns,
        )  # fmt: skip
        if rows_s < BACKWARDS_ROWS_S:
            frame = self._slit.frame_of[blob.peak_row]
            if drove_back(self._slit.differences, self._slit.frames_ms, frame, blob.column, rows_s):
                self.backwards.append(crossing)
            return []
        at_edge = blob.column - blob.width_cells / 2 < 1.5 or blob.column + blob.width_cells / 2 > columns - 2.5
        if not at_edge:
            self._size.add(blob.width_cells * cell_px, length_cells * cell_px)
        if rows_s > 0:
            self._usual_rows_s += 0.1 * (rows_s - self._usual_rows_s)
        return [crossing]

    def _forget(self, oldest_open: int, now_ms: int) -> None:
        """Rows before the oldest blob that goes on, but for what its pace may need."""
        times = self._slit.times_ms
        rows = max(0, min(oldest_open, len(times) - 1) - CONTEXT_ROWS)
        while rows < len(times) - 1 and times[rows] < now_ms - KEPT_MS:
            rows += 1
        self._slit.forget(rows)

    def _rescale(self) -> None:
        """Begin to sample the line anew when a car has turned out to be larger or smaller than was thought."""
        unit = self._size.width_px
        if self._next is None and abs(unit / self._strip.unit_px - 1) >= REBUILD:
            strip = self._first.resized(unit)
            if strip.valid.shape != self._strip.valid.shape:
                self._next = Takeover(strip, self._strip, self._learner.ground)

    def _take_over(self, ready: Takeover) -> None:
        rows, columns = ready.strip.places_in(self._strip)
        scale = self._strip.cell_px / ready.strip.cell_px
        self._usual_rows_s *= scale
        self._told = [(at, column * scale, Pace(p.rows_s * scale, p.columns_s * scale)) for at, column, p in self._told]
        self._learner, self._slit = self._learner.moved(ready.ground, rows, columns), self._slit.moved(rows, columns)
        self._strip, self._next = ready.strip, None

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next frame depends on."""
        return {
            "unit_px": self._strip.unit_px, "size": self._size.snapshot(),
            "learner": self._learner.snapshot(), "slit": self._slit.snapshot(),
            "waiting": [pack(picture) for picture in self._waiting], "waiting_ms": list(self._waiting_ms),
            "told": [[at, column, p.rows_s, p.columns_s] for at, column, p in self._told], "usual_rows_s": self._usual_rows_s,
            "next": None if self._next is None else self._next.snapshot(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._begin(self._first if state["unit_px"] == self._first.unit_px else self._first.resized(state["unit_px"]))
        self._size.restore(state["size"])
        self._learner.restore(state["learner"])
        self._slit.restore(state["slit"])
        self._waiting, self._waiting_ms = [unpack(p) for p in state["waiting"]], list(state["waiting_ms"])
        self._told = [(int(at), column, Pace(rows, columns)) for at, column, rows, columns in state["told"]]
        self._usual_rows_s = state["usual_rows_s"]
        if state["next"] is not None:
            self._next = Takeover(self._first.resized(state["next"]["unit_px"]), self._strip, self._learner.ground)
            self._next.restore(state["next"])


def _clock(times_ms: list[int]) -> Callable[[float], float]:
    """Seconds at a row that need not be whole."""

    def at_s(row: float) -> float:
        below = min(int(row), len(times_ms) - 2)
        return (times_ms[below] + (row - below) * (times_ms[below + 1] - times_ms[below])) / 1000

    return at_s
