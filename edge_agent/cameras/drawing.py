"""The child of `saola camera draw`: plays the clip once to learn what is where, and once more to draw it. For a child process only."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from city_model.child import Parent
from city_model.faults import Rejected, Unavailable
from edge_agent.cameras import paint
from edge_agent.cameras.paint import Canvas, pen_for
from edge_agent.cameras.play import Clip, Line, Played, Watch
from edge_agent.cameras.slits import Slit
from stream_processor.core.vision.camera import CameraGeometry, load_geometry

_LEAST_WIDTH = 640
_FLASH_FRAMES = 6
_SAMPLE_EVERY_S = 2.0
_SAY_EVERY_FRAMES = 25


def run(parent: Parent, argument: dict[str, Any]) -> None:
    """Sends ["progress", frames, of], then ["end", frames] or ["fault", why]."""
    cv2.setNumThreads(1)
    try:
        geometry = load_geometry(Path(argument["camera"]) if argument["camera"] else None)
        drawing = _Drawing(parent, argument, geometry)
        parent.send(["end", drawing.make(Path(argument["out"]))])
    except (Rejected, Unavailable) as err:
        parent.send(["fault", err.detail if isinstance(err, Rejected) else str(err)])


class _Drawing:
    """One clip, its lines (of the pass that is drawn), and the picture or video that becomes of it."""

    def __init__(self, parent: Parent, argument: dict[str, Any], geometry: CameraGeometry) -> None:
        self._parent = parent
        self._argument = argument
        self._geometry = geometry
        self._passes: int = argument["passes"]
        self._done = 0
        self._lines = self._play(lambda watch, played: None)
        self._lines = [line for line in self._lines if line["pass"] == self._passes]

    def make(self, out: Path) -> int:
        """Draw; returns the number of frames."""
        (self._video if out.suffix == ".mp4" else self._picture)(out)
        return self._done

    def _play(self, each: Callable[[Watch, Played], None]) -> list[Line]:
        """All lines; `each` sees every frame of the last pass after the analysis has."""
        clip = Clip(Path(self._argument["clip"]), self._argument["fps"])
        watch = Watch(clip, self._geometry, _SAMPLE_EVERY_S)
        lines: list[Line] = []
        for played in clip.play(self._passes):
            lines += watch.look(played)
            if played.pass_ == self._passes:
                each(watch, played)
            self._done += 1
            if self._done % _SAY_EVERY_FRAMES == 0:
                self._parent.send(["progress", self._done, 2 * clip.frames_told * self._passes])
        return lines + watch.end()

    def _video(self, out: Path) -> None:
        writer: cv2.VideoWriter | None = None

        def each(watch: Watch, played: Played) -> None:
            nonlocal writer
            canvas = self._frame(watch, played)
            if writer is None:
                writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), watch.fps, canvas.shape[1::-1])
                if not writer.isOpened():
                    raise Unavailable(f"cannot write {out}")
            writer.write(canvas)

        self._play(each)
        if writer is not None:
            writer.release()

    def _picture(self, out: Path) -> None:
        fullest, best = -1, np.zeros((1, 1, 3), np.uint8)
        slits: list[Slit] = []

        def each(watch: Watch, played: Played) -> None:
            nonlocal fullest, best, slits
            if not slits:
                height, width = played.picture.shape
                zoom = math.ceil(_LEAST_WIDTH / width)
                slits = [Slit(way, zoom * width) for way in self._geometry.scaled(width, height).carriageways]
            for slit in slits:
                slit.look(played)
            cells = sum(int((way.drawn[1] & way.drawn[0].valid).sum()) for way in watch.vision.ways)
            if cells > fullest:
                fullest, best = cells, self._frame(watch, played, everything=True)

        self._play(each)
        if fullest < 0:
            raise Rejected("no_frames", "the video holds no frame that can be decoded")
        cv2.imwrite(str(out), self._sheet(best, slits))

    def _sheet(self, frame: Canvas, slits: list[Slit]) -> Canvas:
        width = frame.shape[1]
        drawn = [picture for slit in slits if (picture := slit.drawn(self._lines, pen_for(width))) is not None]
        gap = np.zeros((4, width, 3), np.uint8)
        return np.vstack([frame, *(part for picture in drawn for part in (gap, picture))])

    def _frame(self, watch: Watch, played: Played, *, everything: bool = False) -> Canvas:
        """One annotated frame; with `everything` the boxes of the whole pass."""
        zoom = math.ceil(_LEAST_WIDTH / played.picture.shape[1])
        large = cv2.resize(played.picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
        canvas = np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR), np.uint8)
        pen = pen_for(canvas.shape[1])
        geometry = self._geometry.scaled(canvas.shape[1], canvas.shape[0])
        for way in watch.vision.ways:
            paint.covered(canvas, way, zoom)
        paint.geometry(canvas, geometry, watch.states, pen)
        for way_geometry in geometry.carriageways:
            for line in self._crossings(way_geometry.direction):
                if 0 <= played.frame - line["frame"] < _FLASH_FRAMES and not everything:
                    paint.flash(canvas, way_geometry, paint.CLASSES[line["class"]], pen)
        self._boxes(canvas, played, everything=everything)
        self._captions(canvas, watch, played, everything=everything)
        return canvas

    def _crossings(self, direction: str) -> list[Line]:
        return [line for line in self._lines if line["kind"] == "crossing" and line["direction"] == direction]

    def _boxes(self, canvas: Canvas, played: Played, *, everything: bool) -> None:
        for line in self._lines:
            if line["kind"] == "event" and line.get("box") and line["phase"] == "begin":
                ended = [one["frame"] for one in self._lines if one["kind"] == "event" and one["phase"] == "end" and _same(one, line)]
                shown = line["frame"] <= played.frame <= min([*ended, line["frame"] + 250])
                if everything or shown:
                    paint.box(canvas, line["box"], f"{line['event']} {line['time_s']:.0f} s", pen_for(canvas.shape[1]))

    def _captions(self, canvas: Canvas, watch: Watch, played: Played, *, everything: bool) -> None:
        pen = pen_for(canvas.shape[1])
        rows = [(f"pass {played.pass_}, frame {played.frame}", paint.LINE)]
        for way in self._geometry.carriageways:
            crossed = [line for line in self._crossings(way.direction) if everything or line["frame"] <= played.frame]
            state = watch.states.get(way.direction, "unknown")
            rows.append((f"{way.direction}: {len(crossed)} crossed, {state}", paint.STATES[state]))
        for k, (text, colour) in enumerate(rows, 1):
            paint.words(canvas, text, (4, k * pen.row_px), pen, colour)


def _same(one: Line, other: Line) -> bool:
    return (one["event"], one.get("direction"), one["id"]) == (other["event"], other.get("direction"), other["id"])
