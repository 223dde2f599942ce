"""What runs in the child process of `saola vision`: decode a JPEG, analyse it, answer. Nothing else in the service touches a pixel.

Messages in, each answered once::

    ["frame", device, at_ms, jpeg]   → ["samples", [JSON list of samples]] (empty bytes: none yet) or ["bad", code, detail]
    ["save", device]                 → ["state", msgpack bytes]  (nil: this camera was never seen)
    ["load", device, msgpack bytes]  → ["loaded"] or ["bad", code, detail]
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any, cast

import msgspec

from city_model.child import Parent
from city_model.codec import samples
from city_model.faults import Rejected

CHILD = "stream_processor.frames_child:analyse_frames"
MOST_BYTES = 4 << 30
"""Of address space: beyond it a picture is an error of the decoder instead of the machine's last memory."""


def analyse_frames(parent: Parent, argument: Any) -> None:  # noqa: ANN401 - what msgpack holds
    """Serve until the parent is gone. `argument` = {"cameras": folder or nil, "sample_every_s": seconds, "dwell_s": seconds}."""
    import cv2  # here: the parent set OPENCV_IO_MAX_IMAGE_PIXELS for this process alone

    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    cv2.setNumThreads(1)
    cameras = _Cameras(argument["cameras"], argument["sample_every_s"], argument["dwell_s"])
    while True:
        message = parent.receive()
        try:
            parent.send(cameras.answer(message))
        except Rejected as err:
            parent.send(["bad", err.code, err.detail])


class _Cameras:
    """The cameras of one partition, each with its vision."""

    def __init__(self, folder: str | None, sample_every_s: float, dwell_s: float) -> None:
        from stream_processor.core.vision.camera import CameraVision

        self._folder = folder
        self._spans_s = (sample_every_s, dwell_s)
        self._visions: dict[str, CameraVision] = {}

    def answer(self, message: list[Any]) -> list[Any]:
        kind, device = message[0], message[1]
        if kind == "frame":
            return ["samples", self._frame(device, message[2], message[3])]
        if kind == "load":
            self._vision(device).restore(msgspec.msgpack.decode(message[2]))
            return ["loaded"]
        known = self._visions.get(device)
        return ["state", None if known is None else msgspec.msgpack.encode(known.snapshot())]

    def _frame(self, device: str, at_ms: int, jpeg: bytes) -> bytes:
        found = self._vision(device).feed(decode_grey(jpeg), at_ms)
        return samples.encode(found) if found else b""

    def _vision(self, device: str) -> Any:  # noqa: ANN401 - CameraVision, imported late
        from stream_processor.core.vision.camera import CameraVision, load_geometry

        if device not in self._visions:
            path = None if self._folder is None else Path(self._folder) / f"{device}.toml"
            self._visions[device] = CameraVision(load_geometry(path if path and path.exists() else None), *self._spans_s)
        return self._visions[device]


def decode_grey(jpeg: bytes) -> Any:  # noqa: ANN401 - uint8 (h, w)
    """The luma of a JPEG, without rotating it. Raises Rejected("undecodable")."""
    import cv2
    import numpy as np

    try:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as err:
        raise Rejected("undecodable", " ".join(str(err).split())[:200]) from err
    if picture is None:
        raise Rejected("undecodable", f"{len(jpeg)} bytes that no JPEG decoder takes")
    return cast(Any, picture)
