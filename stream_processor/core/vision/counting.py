"""Crossings of a counting line: the evidence on the line, frame after frame, is a slit picture; its blobs are vehicles.

Between two frames of a slow camera the slit is filled from the strip beside the line, moved by the speed measured there, so that a
vehicle has its true length in the slit at 5 frames a second as at 25.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.background import Background
from stream_processor.core.vision.blobs import Blob, Slit, vehicles
from stream_processor.core.vision.evidence import edges, evidence, signed_difference
from stream_processor.core.vision.motion import SPARSE, RoadMotion
from stream_processor.core.vision.packing import pack, unpack
from stream_processor.core.vision.road import LANE_M, Grey
from stream_processor.core.vision.strip import LANE_CELLS, Strip

ROW_MS = 40
KEPT_ROWS = 125
SETTLE_MS = 1_200
"""A crossing is told this long after it happened: until then what follows may still change where blobs are cut."""
CUT_EVERY_MS = 800
MATCH_EVERY_MS = 120
LEARN_EVERY_MS = 120
LEARN_COVERED = 0.01
LEARN_COVERED_COLD = 0.3
ON_LINE = 12.0
USUAL_WIDTH_LANES = 0.69
"""A car's evidence on the line is this wide, in lanes: 1.8 m of car and the patch that texture is measured in."""
KEPT_WIDTHS, LEAST_WIDTHS = 48, 3
TYPICAL_M_S = 8.0
WARM_MS = 2_000
SAME_MS, SAME_M = 160, 2.5

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One vehicle: when its front touched the line, its size as seen there (metres; lanes are 3.5 m) and speed (m/s, lane scale)."""

    at_ms: int
    column: float
    width_m: float
    length_m: float
    speed_m_s: float


class LineCounter:
    """State of one counting line."""

    def __init__(self, strip: Strip) -> None:
        self._strip = strip
        shape = strip.view.valid.shape
        self._background = Background(shape)
        self._motion = RoadMotion(strip.view)
        self._speed = np.full(shape[1], TYPICAL_M_S, np.float32)
        self._usual_m_s = TYPICAL_M_S
        self._slit = np.zeros((0, shape[1]), np.float32)
        self._run = np.zeros((0, shape[1]), np.float32)
        self._times: list[int] = []
        self._told: list[tuple[int, float, float]] = []
        self._first_ms = self._last_ms = self._cut_ms = self._match_ms = self._learn_ms = -1
        self._matches = 0
        self._widths: list[float] = []
        self._set_scale(float(LANE_CELLS))
        self._gain = 1.0
        self._edges = np.zeros(shape, np.float32)

    def _set_scale(self, lane_cells: float) -> None:
        self._lane_cells = lane_cells
        self._texture = (2 * round(lane_cells / 4) + 1, 2 * round(lane_cells / 4) + 1)
        self._cell_m = LANE_M / lane_cells

    def _calibrate(self, width_cells: float) -> None:
        """Where nobody said how wide a lane is, the traffic does: half of its vehicles are narrower than USUAL_WIDTH_LANES."""
        if self._strip.calibrated:
            return
        self._widths.append(width_cells)
        self._widths = self._widths[-KEPT_WIDTHS:]
        if len(self._widths) >= LEAST_WIDTHS:
            usual = sorted(self._widths)[len(self._widths) // 2]
            wanted = min(max(usual / USUAL_WIDTH_LANES, LANE_CELLS / 2.5), LANE_CELLS * 2.5)
            self._set_scale(self._lane_cells + 0.5 * (wanted - self._lane_cells))

    def look(self, grey: Grey, at_ms: int) -> list[Crossing]:
        """Crossings that have become certain with this frame."""
        picture = self._strip.look(grey).astype(np.float32)
        if self._last_ms < 0:
            self._first_ms = self._last_ms = self._cut_ms = self._match_ms = self._learn_ms = at_ms
            self._background.learn(picture, np.full(picture.shape, 0.05, np.float32))
            return []
        learning = at_ms - self._learn_ms >= LEARN_EVERY_MS
        if learning:
            self._gain = self._background.gain(picture, self._strip.view.valid)
            self._edges = edges(self._background.value)
        picture /= self._gain
        difference = signed_difference(picture, self._background.value, self._edges)
        level = evidence(difference, self._texture) * self._strip.view.valid
        self._measure_speed(difference, level, at_ms)
        self._append(level, at_ms)
        if learning:
            since_s = min(at_ms - self._learn_ms, 1000) / 1000
            covered = LEARN_COVERED if at_ms - self._first_ms > WARM_MS else LEARN_COVERED_COLD
            self._background.learn(picture, np.where(level > ON_LINE, covered * since_s, since_s).astype(np.float32))
            self._learn_ms = at_ms
        self._last_ms = at_ms
        if at_ms - self._cut_ms < CUT_EVERY_MS:
            return []
        self._cut_ms = at_ms
        return self._cut(at_ms)

    def _measure_speed(self, difference: Floats, level: Floats, at_ms: int) -> None:
        """Speed per column, from the strip; a column without a vehicle goes back to what is usual here."""
        if at_ms - self._match_ms < MATCH_EVERY_MS:
            return
        self._match_ms = at_ms
        self._matches += 1
        occupied = level > ON_LINE
        measure = self._matches % 2 == 0 or at_ms - self._last_ms > MATCH_EVERY_MS
        speeds = self._motion.look(difference, occupied, at_ms, measure=measure)
        if not measure:
            return
        known, value = speeds.known, np.where(speeds.known, speeds.value, 0) * (LANE_CELLS / self._lane_cells)
        count = known.sum(axis=0)
        mean = value.sum(axis=0) / np.maximum(count, 1)
        columns = len(self._speed)
        some = np.repeat(count > 0, SPARSE)[:columns]
        spread = np.repeat(mean, SPARSE)[:columns]
        if count.sum() > 0:
            self._usual_m_s += 0.05 * (float(max(mean[count > 0].mean(), 0.5)) - self._usual_m_s)
        self._speed = np.where(some, spread, np.where(occupied.any(axis=0), self._speed, self._usual_m_s)).astype(np.float32)

    def _append(self, level: Floats, at_ms: int) -> None:
        """The rows of the slit from the last frame to this one."""
        gap_ms = at_ms - self._last_ms
        rows = max(1, min(round(gap_ms / ROW_MS), 12))
        back_s = (rows - 1 - np.arange(rows)) / rows * gap_ms / 1000
        middle, high = self._strip.middle, level.shape[0]
        place = np.rint(middle + np.clip(self._speed, 0, None) * back_s[:, None] / self._cell_m).astype(int)
        band = np.stack([level[np.clip(place + o, 0, high - 1), np.arange(level.shape[1])] for o in (-1, 0, 1)]).mean(axis=0)
        start = self._run[-1] if len(self._run) else np.zeros(level.shape[1], np.float32)
        run = start + self._speed * (np.arange(1, rows + 1)[:, None] * (gap_ms / rows / 1000))
        self._slit = np.concatenate([self._slit, band.astype(np.float32)])[-KEPT_ROWS:]
        self._run = np.concatenate([self._run, run.astype(np.float32)])[-KEPT_ROWS:]
        self._times = (self._times + [round(at_ms - s * 1000) for s in back_s])[-KEPT_ROWS:]

    def _cut(self, now_ms: int) -> list[Crossing]:
        """Blobs whose peak has settled and that were not told before."""
        out = []
        for blob in vehicles(Slit(self._slit, self._run, self._lane_cells)):
            peak_ms = self._times[blob.peak_row]
            if peak_ms > now_ms - SETTLE_MS or now_ms - peak_ms > 3 * SETTLE_MS or self._known(blob, peak_ms):
                continue
            crossing = self._crossing(blob)
            self._told.append((peak_ms, blob.column, float(self._run[blob.peak_row, round(blob.column)])))
            if crossing.speed_m_s > -1.0:
                out.append(crossing)
                self._calibrate(blob.width_cells)
        self._told = [t for t in self._told if now_ms - t[0] < 10_000]
        return out

    def _known(self, blob: Blob, peak_ms: int) -> bool:
        """Told already: at about the same time and place; or the same vehicle, still on the line, which has hardly moved since."""
        column = round(blob.column)
        near = [t for t in self._told if abs(t[1] - blob.column) < 0.5 * self._lane_cells]
        if any(abs(at_ms - peak_ms) < SAME_MS for at_ms, _, _ in near):
            return True
        run = float(self._run[blob.peak_row, column])
        for at_ms, _, told in near:
            since = bisect_left(self._times, at_ms)
            stays = since < blob.peak_row and float(self._slit[since : blob.peak_row + 1, column].min()) > ON_LINE
            if stays and abs(told - run) < SAME_M:
                return True
        return False

    def _crossing(self, blob: Blob) -> Crossing:
        column = round(blob.column)
        run = self._run[:, column]
        length = float(abs(run[blob.last_row] - run[blob.first_row]))
        span_s = max(self._times[blob.last_row] - self._times[blob.first_row], ROW_MS) / 1000
        moved = float(run[blob.last_row] - run[max(blob.first_row - 1, 0)])
        return Crossing(self._times[blob.first_row], blob.column, blob.width_cells * self._cell_m, length, moved / (span_s + ROW_MS / 1000))

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next frame depends on."""
        return {
            "background": self._background.snapshot(), "motion": self._motion.snapshot(), "speed": pack(self._speed),
            "usual_m_s": self._usual_m_s, "slit": pack(self._slit), "run": pack(self._run), "times": list(self._times),
 "told": [list(t) for t in self._told],
            "at": [self._first_ms, self._last_ms, self._cut_ms, self._match_ms, self._learn_ms, self._matches],
            "gain": self._gain, "edges": pack(self._edges), "widths": list(self._widths), "lane_cells": self._lane_cells,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self._background.restore(state["background"])
        self._motion.restore(state["motion"])
        self._speed, self._slit, self._run = unpack(state["speed"]), unpack(state["slit"]), unpack(state["run"])
        self._usual_m_s, self._times = state["usual_m_s"], list(state["times"])
        self._told = [(int(a), float(c), float(r)) for a, c, r in state["told"]]
        self._first_ms, self._last_ms, self._cut_ms, self._match_ms, self._learn_ms, self._matches = state["at"]
        self._widths = list(state["widths"])
        self._set_scale(state["lane_cells"])
        self._gain, self._edges = state["gain"], unpack(state["edges"])
