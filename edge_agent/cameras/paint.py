"""Marks on a frame: carriageways, lines, what covers the road, crossings, boxes, words. Colours are BGR."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.geometry import CameraGeometry, Carriageway
from stream_processor.core.vision.strip import counting_line
from stream_processor.core.vision.way import CarriagewayWatch

Canvas = NDArray[np.uint8]
Colour = tuple[int, int, int]

STATES: dict[str, Colour] = {"free": (90, 190, 60), "slow": (40, 170, 250), "jam": (60, 60, 230), "unknown": (150, 150, 150)}
CLASSES: dict[str, Colour] = {"two_wheeler": (250, 220, 70), "car": (90, 240, 90), "large": (80, 140, 255)}
LINE: Colour = (255, 255, 255)
COVERED: Colour = (220, 160, 40)
STANDING: Colour = (60, 60, 230)
EVENT: Colour = (200, 60, 230)
_TINT = 0.35
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True)
class Pen:
    """Sizes that fit a canvas: `scale` of text, `thick` of strokes, `row_px` from line to line."""

    scale: float
    thick: int
    row_px: int


def pen_for(width: int) -> Pen:
    """A pen for pictures of `width` pixels."""
    scale = max(0.35, width / 1600)
    return Pen(scale, max(1, round(width / 640)), round(34 * scale))


def words(canvas: Canvas, text: str, at: tuple[int, int], pen: Pen, colour: Colour) -> None:
    """Text on a darkened ground, its lower left corner at `at`, moved so that it stays on the canvas."""
    (wide, high), below = cv2.getTextSize(text, _FONT, pen.scale, pen.thick)
    x = max(2, min(at[0], canvas.shape[1] - wide - 2))
    y = max(high + 2, min(at[1], canvas.shape[0] - below))
    ground = canvas[y - high - 2 : y + below, x - 2 : x + wide + 2]
    ground //= 3
    cv2.putText(canvas, text, (x, y), _FONT, pen.scale, colour, pen.thick, cv2.LINE_AA)


def geometry(canvas: Canvas, camera: CameraGeometry, states: dict[str, str], pen: Pen) -> None:
    """Carriageways in the colour of their state, counting lines with the way of travel, masks."""
    for mask in camera.masks:
        cv2.fillPoly(canvas, [_whole(mask)], (0, 0, 0))
    for way in camera.carriageways:
        colour = STATES[states.get(way.direction, "unknown")]
        if way.polygon:
            cv2.polylines(canvas, [_whole(way.polygon)], True, colour, pen.thick, cv2.LINE_AA)
        _line(canvas, way, pen, LINE)


def _line(canvas: Canvas, way: Carriageway, pen: Pen, colour: Colour) -> None:
    line = counting_line(way)
    if line is None or way.direction_vector is None:
        return
    start, end = (round(line[0]), round(line[1])), (round(line[2]), round(line[3]))
    cv2.line(canvas, start, end, colour, pen.thick, cv2.LINE_AA)
    middle = ((line[0] + line[2]) / 2, (line[1] + line[3]) / 2)
    reach = max(12.0, canvas.shape[1] / 24) / math.hypot(*way.direction_vector)
    tip = (round(middle[0] + way.direction_vector[0] * reach), round(middle[1] + way.direction_vector[1] * reach))
    cv2.arrowedLine(canvas, (round(middle[0]), round(middle[1])), tip, colour, pen.thick, cv2.LINE_AA, tipLength=0.4)
    words(canvas, way.direction, (start[0] + 4, start[1] - 4), pen, colour)


def covered(canvas: Canvas, way: CarriagewayWatch, zoom: int) -> None:
    """Tint the road's covered cells, standing ones in another colour; the canvas is the frame `zoom` times as large."""
    view, cells, standing = way.drawn
    tint = np.zeros((canvas.shape[0] // zoom, canvas.shape[1] // zoom), np.uint8)
    for mask, value in ((cells & view.valid, 1), (standing & view.valid, 2)):
        x = np.rint(view.map_x[mask] * view.step + view.step // 2).astype(int)
        y = np.rint(view.map_y[mask] * view.step + view.step // 2).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < tint.shape[1]) & (y < tint.shape[0])
        tint[y[inside], x[inside]] = value
    spread = np.ones((3, 3), np.uint8) if view.in_metres else np.ones((view.step + 2, view.step + 2), np.uint8)
    tint = np.asarray(cv2.resize(cv2.dilate(tint, spread), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST), np.uint8)
    for value, colour in ((1, COVERED), (2, STANDING)):
        canvas[tint == value] = ((1 - _TINT) * canvas[tint == value] + _TINT * np.array(colour)).astype(np.uint8)


def box(canvas: Canvas, shares: list[float], text: str, pen: Pen) -> None:
    """A vehicle's box, given in shares of the picture."""
    height, width = canvas.shape[:2]
    left, top, right, bottom = (round(share * side) for share, side in zip(shares, (width, height, width, height), strict=True))
    cv2.rectangle(canvas, (left, top), (right, bottom), EVENT, pen.thick, cv2.LINE_AA)
    words(canvas, text, (left, top - 3), pen, EVENT)


def flash(canvas: Canvas, way: Carriageway, colour: Colour, pen: Pen) -> None:
    """The counting line at the moment of a crossing."""
    line = counting_line(way)
    if line is not None:
        cv2.line(canvas, (round(line[0]), round(line[1])), (round(line[2]), round(line[3])), colour, 3 * pen.thick, cv2.LINE_AA)


def _whole(points: tuple[tuple[float, float], ...]) -> NDArray[np.int32]:
    return np.rint(np.asarray(points, np.float64)).astype(np.int32)
