"""The luma of a video, 0 black to 255 white, as cheaply as OpenCV gives it: the decoder's own plane, without a colour conversion.

Measured on one core at 640x360: decoding 0.20 ms a frame, the plane 0.04 ms, stretching its range 0.02 ms; converting to BGR and back
to grey 0.3 ms. PyAV's plane costs the same, and 100 MB of a second FFmpeg.

For child processes only: some files abort the process that reads them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from city_model.faults import Rejected

Picture = NDArray[np.uint8]

cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # it warns once a frame that a plane is taken for a grey picture, which is what is wanted

MOST_PIXELS = 4096 * 4096
_PLANAR = frozenset({b"I420", b"IYUV", b"YV12", b"NV12", b"NV21", b"Y42B", b"422P", b"444P", b"GREY", b"Y800", b"Y8  "})
"""Codec pixel formats (as OpenCV names them) whose first plane is the luma, 8 bits a pixel."""
_STRETCH = 255 / 219  # limited range: black is 16, white 235 (ITU-R BT.601, BT.709)
_SAME_GREY = 6.0
_SHARES = np.linspace(0, 1, 33)


class Luma:
    """An open video. `grab` and `retrieve` as in OpenCV, the picture being grey (h, w) whatever the video holds.

    A stream that changes its size goes on in the size it began with: OpenCV scales.
    """

    def __init__(self, what: str | int, patience_s: float = 10.0) -> None:
        """Open a file, an address or a device's index. Raises Rejected("cannot_open"), Rejected("no_frames")."""
        self._what = what
        self._patience_ms = round(patience_s * 1000)
        self._plane, self._limited = (False, False) if isinstance(what, int) else self._inspect()
        self._capture = self._open(plane=self._plane)

    @property
    def fps(self) -> float:
        """Frames per second as the video says, nan or 0 where it does not."""
        return float(self._capture.get(cv2.CAP_PROP_FPS))

    @property
    def at_ms(self) -> float:
        """When the last frame read was taken, by the video's own clock; 0 where it has none."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC))

    @property
    def pixels(self) -> int:
        """Of a picture."""
        return int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH) * self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))

    @property
    def frames_told(self) -> int:
        """Number of frames as the video says; 0 where it does not."""
        return max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def seek(self, frame: int) -> None:
        """Make `frame`, counted from 0, the next."""
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, frame)

    def grab(self) -> bool:
        """Decode the next frame; waits for it. False: there is none, or none came in time."""
        return bool(self._capture.grab())

    def retrieve(self) -> Picture | None:
        """The picture of the frame that was grabbed."""
        got, picture = self._capture.retrieve()
        if not got or picture is None or picture.size == 0:
            return None
        if picture.ndim == 3:
            return cast("Picture", cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
        if self._limited:
            return cast("Picture", cv2.convertScaleAbs(picture, dst=picture, alpha=_STRETCH, beta=-16 * _STRETCH))
        return cast("Picture", picture)

    def read(self) -> Picture | None:
        """The next picture, or None at the end."""
        return self.retrieve() if self.grab() else None

    def rewind(self) -> None:
        """Go back to the beginning of a file, by opening it again: seeking is not exact in every container."""
        self._capture.release()
        self._capture = self._open(plane=self._plane)

    def close(self) -> None:
        """Let go of the file or stream."""
        self._capture.release()

    def _inspect(self) -> tuple[bool, bool]:
        """(whether the first plane is the luma, whether its range is limited), seen by reading a frame both ways.

        OpenCV does not tell the range, so its own conversion is compared with: which mapping gives the same greys.
        """
        picture, format_ = self._look(plane=False)
        if picture is None:
            raise Rejected("no_frames", "the video holds no frame that can be decoded")
        if format_ < 0 or format_.to_bytes(4, "little") not in _PLANAR:
            return False, False
        plane, _ = self._look(plane=True)
        if plane is None:
            return False, False
        as_is = float(np.abs(plane - picture).mean())
        stretched = float(np.abs(np.clip((plane - 16) * _STRETCH, 0, 255) - picture).mean())
        return min(as_is, stretched) < _SAME_GREY, stretched < as_is

    def _look(self, *, plane: bool) -> tuple[NDArray[np.float64] | None, int]:
        """Quantiles of the first picture's grey (a stream's second look is later, at the same scene), and the codec's pixel format."""
        capture = self._open(plane=plane)
        got, picture = capture.read()
        format_ = int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT))
        capture.release()
        if not got or picture is None or picture.size == 0:
            return None, format_
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
        return np.asarray(np.quantile(grey, _SHARES), np.float64), format_

    def _open(self, *, plane: bool) -> cv2.VideoCapture:
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first video is opened
        if isinstance(self._what, int):
            capture = cv2.VideoCapture(self._what)
        else:
            options = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, self._patience_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, self._patience_ms,
                cv2.CAP_PROP_N_THREADS, 1,  # a camera is one thread: more only take turns on a core that others need
            ]  # fmt: skip
            capture = cv2.VideoCapture(self._what, cv2.CAP_FFMPEG, options)
        if not capture.isOpened():
            raise Rejected("cannot_open", "not a video that can be read")
        pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if not 0 < pixels <= MOST_PIXELS:
            capture.release()
            why = f"pictures of {pixels:.0f} pixels, at most {MOST_PIXELS} can be read" if pixels > 0 else "no picture in it has a size"
            raise Rejected("cannot_open", why)
        if plane:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        return capture


def pictures(luma: Luma) -> Iterator[Picture]:
    """Every picture up to the end."""
    while (picture := luma.read()) is not None:
        yield picture
