"""Functions that tests run in child processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from city_model.child import Parent
from stream_processor.frames_child import analyse_frames


def echo(parent: Parent, argument: object) -> None:
    """Send the argument back, then every message, until it is None."""
    parent.send(argument)
    while (message := parent.receive()) is not None:
        parent.send(message)


def abort(parent: Parent, argument: object) -> None:
    """Die as a library dies that meets an assertion of its own."""
    os.abort()


def environment(parent: Parent, argument: str) -> None:
    """Say what a variable of the environment is, again for each name that comes."""
    while True:
        parent.send(os.environ.get(argument, ""))
        argument = parent.receive()


def hang(parent: Parent, argument: object) -> None:
    """Say the process id, then hang where no message is read."""
    parent.send(os.getpid())
    while True:
        signal.pause()


def frames(spec: dict[str, Any]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Noise at 5 frames a second from 0 up to `stop_ms`; with `abort_at_ms` the process dies there."""
    noise = np.random.default_rng(1)
    for at_ms in range(0, spec["stop_ms"], 200):
        if at_ms == spec.get("abort_at_ms"):
            os.abort()
        yield at_ms, noise.integers(0, 255, (64, 96), dtype=np.uint8)


def frames_dying_once(spec: dict[str, Any]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """`frames`, but the process dies only once: what is named by `died_file` remembers it."""
    died = Path(spec["died_file"])
    for at_ms, picture in frames({"stop_ms": spec["stop_ms"]}):
        if at_ms == spec["abort_at_ms"] and not died.exists():
            died.touch()
            os.abort()
        yield at_ms, picture


class _Wary(Parent):
    """A parent whose frames with the word "abort" in them kill the process."""

    def receive(self) -> Any:  # noqa: ANN401 - as its base
        message = super().receive()
        if message[0] == "frame" and b"abort" in message[3][:64]:
            os.abort()
        return message


def analyse_or_abort(parent: Parent, argument: object) -> None:
    """The frames service's child over a decoder that some pictures abort."""
    parent.__class__ = _Wary
    analyse_frames(parent, argument)
