"""Whoever waits for a live camera's frames hears that none come."""

from __future__ import annotations

import threading

import numpy as np

from edge_agent.sources.luma import Picture
from edge_agent.sources.video import Live


class Faltering:
    """Gives one frame, and the next when it is let on."""

    offset_ms = 0.0

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self._given = 0

    def next(self) -> list[tuple[int, Picture]] | None:
        if self._given == 1:
            self.goes_on.wait()
        self._given += 1
        return [(self._given, np.zeros((32, 32), np.uint8))] if self._given < 3 else None


def test_silence_is_told_while_none_come_and_frames_go_on() -> None:
    sender, told = Faltering(), list[int]()

    def hears(at_ms: int) -> None:
        told.append(at_ms)
        if len(told) == 3:
            sender.goes_on.set()

    live = Live(sender, silent_s=0.01)
    live.on_silence = hears
    assert [next(live)[0], next(live)[0]] == [1, 2]
    assert len(told) >= 3
    assert told == sorted(told)
