"""Counting lines over time: the pixels of a line in every frame, side by side, left to right, with a mark for every crossing."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.cameras.paint import CLASSES, LINE, STATES, Canvas, Pen, words
from edge_agent.cameras.play import Line, Played
from stream_processor.core.vision.geometry import Carriageway
from stream_processor.core.vision.strip import counting_line

_HIGHEST_PX = 220
_RIBBON_PX = 6


class Slit:
    """One line of a clip of `frames` frames, drawn `width` pixels wide."""

    def __init__(self, way: Carriageway, width: int) -> None:
        self._way = way
        self._width = width
        self._columns: list[NDArray[np.uint8]] = []
        line = counting_line(way)
        self._place = None if line is None else _points(line)

    def look(self, played: Played) -> None:
        """Take the line's pixels of a frame."""
        if self._place is not None:
            column = cv2.remap(played.picture, *self._place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            self._columns.append(np.asarray(column, np.uint8).reshape(-1))

    def drawn(self, lines: list[Line], pen: Pen) -> Canvas | None:
        """The picture, with the crossings and states of `lines` (of one pass); None without a line."""
        if not self._columns:
            return None
        grey = np.stack(self._columns, axis=1)
        high = min(max(grey.shape[0], 60), _HIGHEST_PX)
        stretched = cv2.resize(grey, (self._width, high), interpolation=cv2.INTER_AREA)
        canvas = np.asarray(cv2.cvtColor(stretched, cv2.COLOR_GRAY2BGR), np.uint8)
        mine = [line for line in lines if line.get("direction") == self._way.direction]
        crossings = [line for line in mine if line["kind"] == "crossing"]
        for crossing in crossings:
            self._mark(canvas, crossing, pen)
        counts = [f"{sum(c['class'] == name for c in crossings)} {name}" for name in CLASSES]
        words(canvas, f"{self._way.direction}: {len(crossings)} ({', '.join(counts)})", (4, pen.row_px), pen, LINE)
        return np.vstack([self._ribbon([line for line in mine if line["kind"] == "sample"]), canvas])

    def _mark(self, canvas: Canvas, crossing: Line, pen: Pen) -> None:
        x = self._x(crossing["frame"])
        colour = CLASSES[crossing["class"]]
        if crossing.get("share") is None:
            cv2.line(canvas, (x, 0), (x, canvas.shape[0]), colour, 1, cv2.LINE_AA)
            return
        y = round(crossing["share"] * canvas.shape[0])
        reach = max(3, round(crossing["width_share"] * canvas.shape[0] / 2))
        cv2.line(canvas, (x, y - reach), (x, y + reach), colour, pen.thick + 1, cv2.LINE_AA)
        cv2.circle(canvas, (x, y), pen.thick + 2, colour, -1, cv2.LINE_AA)

    def _ribbon(self, samples: list[Line]) -> Canvas:
        """The congestion state over time."""
        ribbon = np.full((_RIBBON_PX, self._width, 3), STATES["unknown"], np.uint8)
        begin = 0
        for sample in samples:
            end = self._x(sample["frame"])
            ribbon[:, begin:end] = STATES.get(sample.get("state", "unknown"), STATES["unknown"])
            begin = end
        return ribbon

    def _x(self, frame: int) -> int:
        return round((frame + 0.5) / len(self._columns) * self._width)


def _points(line: tuple[float, float, float, float]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    length = max(2, round(math.hypot(line[2] - line[0], line[3] - line[1])))
    share = (np.arange(length, dtype=np.float32) + 0.5)[:, None] / length
    return (line[0] + (line[2] - line[0]) * share).astype(np.float32), (line[1] + (line[3] - line[1]) * share).astype(np.float32)
