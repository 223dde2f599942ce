"""A user's own object detector: a small protocol, and one that runs an ONNX network on the CPU through OpenCV. No weights are shipped.

detector = OnnxDetector(OnnxSettings(Path("mine.onnx"), labels=("car", "motorbike", "bus")))
for found in detector.detect(frame):
    print(found.label, found.confidence, found.box)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from city_model.faults import Rejected
from city_model.settings import between
from stream_processor.core.vision.sizes import CAR, LARGE, TWO_WHEELER

Frame = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Layout = Literal["classes", "objectness"]

SIZE_CLASSES = {
    "bicycle": TWO_WHEELER, "motorbike": TWO_WHEELER, "motorcycle": TWO_WHEELER, "scooter": TWO_WHEELER,
    "car": CAR, "van": CAR, "pickup": CAR, "bus": LARGE, "truck": LARGE, "lorry": LARGE,
}  # fmt: skip
"""The camera's classes by the usual names of labels (COCO and others); what is not among them is no vehicle."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object: `box` = left, top, right, bottom in pixels of the frame, `confidence` 0..1."""

    label: str
    confidence: float
    box: Box

    @property
    def size_class(self) -> int | None:
        """TWO_WHEELER, CAR or LARGE; None for what is no vehicle."""
        return SIZE_CLASSES.get(self.label)


class ObjectDetector(Protocol):
    """Whatever finds objects in a grey (h, w) or BGR (h, w, 3) frame. The same frame gives the same objects."""

    def detect(self, frame: Frame) -> tuple[Found, ...]:
        """The objects, surest first."""
        ...


@dataclass(frozen=True, slots=True)
class OnnxSettings:
    """A network with one input (1, 3, side, side), RGB 0..1, and one output of candidate boxes (centre x, y, width, height in its pixels).

    `layout` "classes": a candidate is box and a score for each label; "objectness": box, objectness, scores. Either way round:
    (1, candidates, values) or (1, values, candidates).
    """

    model: Path
    labels: tuple[str, ...]
    side_px: int = between(16, 2048, default=640)
    layout: Layout = "classes"
    least_confidence: float = between(0, 1, default=0.35)
    overlap: float = between(0, 1, default=0.5)

    def check(self) -> Iterator[tuple[str, str, str]]:
        if not self.model.is_file():
            yield "model", f"{self.model} is not there", "an ONNX file"
        if not self.labels:
            yield "labels", "none", "one for each class, in the order of the network's scores"


class OnnxDetector:
    """An ONNX network in OpenCV's own engine, on one core. The picture is fitted into the square, its rest filled with grey."""

    def __init__(self, settings: OnnxSettings) -> None:
        """Raises Rejected("bad_model") for a file that is no such network."""
        self._s = settings
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(settings.model.read_bytes(), np.uint8))
        except (cv2.error, OSError) as err:
            raise Rejected("bad_model", f"{settings.model}: {err}") from err

    def detect(self, frame: Frame) -> tuple[Found, ...]:
        """The objects, surest first. Raises Rejected("bad_model") where the network's output has another shape than it was told."""
        colour = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) if frame.ndim == 2 else frame
        square, scale = _fitted(np.asarray(colour, np.uint8), self._s.side_px)
        self._net.setInput(cv2.dnn.blobFromImage(square, 1 / 255, swapRB=True))
        try:
            output = np.asarray(self._net.forward(), np.float32)
        except cv2.error as err:
            raise Rejected("bad_model", f"{self._s.model}: {err}") from err
        boxes, scores = self._candidates(output)
        return tuple(self._chosen(boxes / scale, scores, frame.shape[1], frame.shape[0]))

    def _candidates(self, output: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes (n, 4) and scores (n, labels)."""
        first = 4 if self._s.layout == "classes" else 5
        wanted = first + len(self._s.labels)
        rows = output.reshape(output.shape[-2:]) if output.ndim == 3 and output.shape[0] == 1 else output
        if rows.ndim == 2 and rows.shape[1] != wanted and rows.shape[0] == wanted:
            rows = rows.T
        if rows.ndim != 2 or rows.shape[1] != wanted:
            raise Rejected("bad_model", f"output {output.shape}; expected {wanted} values a candidate")
        scores = rows[:, first:]
        return rows[:, :4], scores if self._s.layout == "classes" else scores * rows[:, 4:5]

    def _chosen(self, boxes: NDArray[np.float32], scores: NDArray[np.float32], width: int, height: int) -> Iterator[Found]:
        """The surest of those that overlap, label by label."""
        best = scores.argmax(axis=1)
        sure = scores[np.arange(len(best)), best]
        corner = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)
        kept = cv2.dnn.NMSBoxesBatched(corner.tolist(), sure.tolist(), best.tolist(), self._s.least_confidence, self._s.overlap)
        order = np.asarray(kept, np.int64).ravel()
        for i in order[np.argsort(-sure[order], kind="stable")].tolist():
            x, y, w, h = corner[i].tolist()
            box = (max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height)))
            yield Found(self._s.labels[int(best[i])], float(sure[i]), box)


def _fitted(frame: Frame, side_px: int) -> tuple[Frame, float]:
    """`frame` in the upper left corner of a grey square, and by how much it was scaled."""
    scale = side_px / max(frame.shape[:2])
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    square = np.full((side_px, side_px, 3), 114, np.uint8)
    square[: size[1], : size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
    return square, scale
