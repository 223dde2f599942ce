"""The last seconds of a line: evidence row by row, the differences that it came from, and when.

Between two frames of a slow camera rows are filled in from beside the line, displaced as far as the usual vehicle travels, so that a
vehicle is as long in the slit at 5 frames a second as at 25.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.line_evidence import on_line
from stream_processor.core.vision.packing import pack, unpack

FILL_CELLS = 5.0
"""Rows are filled in where the usual vehicle travels farther than this from frame to frame: a third of a car, seen from a pole."""
MOST_ROWS = 8

Floats = NDArray[np.float32]


class SlitRows:
    """Rows of `level` (rows, columns) at `times_ms`; `frame_of[row]` is the frame of `differences` (frames, rows, columns) it shows."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self.level: Floats = np.zeros((0, shape[1]), np.float32)
        self.times_ms: list[int] = []
        self.frame_of: list[int] = []
        self.differences: NDArray[np.int8] = np.zeros((0, *shape), np.int8)
        self.frames_ms: list[int] = []

    def append(self, difference: Floats, whole: Floats, times_ms: list[int], usual_rows_s: float) -> None:
        """Frames `difference` (frames, rows, columns) taken at `times_ms`, and the evidence on their line, `whole` (frames, columns)."""
        middle, base = self._shape[0] // 2, len(self.differences)
        rows: list[Floats] = []
        for i, at_ms in enumerate(times_ms):
            gap_ms = at_ms - (times_ms[i - 1] if i else self.frames_ms[-1] if self.frames_ms else at_ms)
            parts = min(max(1, round(usual_rows_s * gap_ms / 1000 / FILL_CELLS)), MOST_ROWS)
            for k in range(parts - 1, 0, -1):
                back_ms = gap_ms * k / parts
                place = min(middle + round(usual_rows_s * back_ms / 1000), self._shape[0] - 3)
                rows.append(on_line(difference[i : i + 1], place)[0])
                self.times_ms.append(round(at_ms - back_ms))
            rows.append(whole[i])
            self.times_ms.append(at_ms)
            self.frame_of += [base + i] * parts
        self.level = np.concatenate([self.level, np.stack(rows)])
        self.differences = np.concatenate([self.differences, np.clip(np.rint(difference), -127, 127).astype(np.int8)])
        self.frames_ms += times_ms

    def forget(self, rows: int) -> None:
        """Drop the oldest `rows`, and the frames that only they showed."""
        if rows <= 0:
            return
        frames = self.frame_of[rows] if rows < len(self.frame_of) else len(self.frames_ms)
        self.level, self.times_ms = self.level[rows:], self.times_ms[rows:]
        self.frame_of = [f - frames for f in self.frame_of[rows:]]
        self.differences, self.frames_ms = self.differences[frames:], self.frames_ms[frames:]

    def moved(self, rows: Floats, columns: Floats) -> SlitRows:
        """The slit of another strip of the same line, whose cells lie at `rows` and `columns` of this one."""
        other = SlitRows((len(rows), len(columns)))
        row, column = np.rint(rows).astype(np.intp), np.rint(columns).astype(np.intp)
        other.level, other.times_ms, other.frame_of = self.level[:, column], self.times_ms, self.frame_of
        other.differences, other.frames_ms = self.differences[:, row[:, None], column], self.frames_ms
        return other

    def snapshot(self) -> dict[str, Any]:
        """Everything, msgpack-able."""
        return {
            "level": pack(self.level), "times_ms": list(self.times_ms), "frame_of": list(self.frame_of),
            "differences": pack(self.differences), "frames_ms": list(self.frames_ms),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self.level, self.differences = unpack(state["level"]), unpack(state["differences"])
        self._shape = (int(self.differences.shape[1]), int(self.differences.shape[2]))
        self.times_ms, self.frame_of, self.frames_ms = list(state["times_ms"]), list(state["frame_of"]), list(state["frames_ms"])
