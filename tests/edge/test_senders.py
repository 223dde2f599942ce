"""Frames that gathered are dated by when they came, whatever the stream's own clock says, and none is lost or comes twice."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.senders import Replaying, gathered


def test_frames_that_gathered_lie_as_far_back_as_the_streams_clock_says() -> None:
    assert gathered(900.0, 1000.0, [440.0, 470.0, 500.0]) == [940.0, 970.0, 1000.0]
    assert gathered(-math.inf, 1000.0, [7.0]) == [1000.0]
    assert gathered(900.0, 1000.0, []) == []


@pytest.mark.parametrize("stamps_ms", [[0.0, 0.0], [5.0, 3.0], [0.0, 5_000.0], [400.0, 500.5]])
def test_where_its_clock_says_nothing_plausible_they_lie_evenly(stamps_ms: list[float]) -> None:
    assert gathered(900.0, 1000.0, stamps_ms) == [950.0, 1000.0]


@given(
    st.one_of(st.just(-math.inf), st.floats(0, 1e6)), st.floats(0.01, 1e5), st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=12)
)  # fmt: skip
def test_dates_rise_from_the_last_one_up_to_now(last_ms: float, later_ms: float, stamps_ms: list[float]) -> None:
    now_ms = (0.0 if last_ms == -math.inf else last_ms) + later_ms
    dates = gathered(last_ms, now_ms, stamps_ms)
    assert dates[-1] == now_ms
    assert all(older <= newer for older, newer in itertools.pairwise([last_ms, *dates]))


def test_a_file_played_as_a_camera_gives_every_frame_once_and_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "short.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for k in range(5):
        writer.write(np.full((48, 64, 3), 40 * k + 20, np.uint8))
    writer.release()
    sender = Replaying(str(path), 100.0, 1_000, 0.0)
    told = [frame for _ in range(2) for frame in sender.next() or []]
    assert [at_ms for at_ms, _ in told] == [1_000 + 10 * k for k in range(18)]
    assert [round(float(picture.mean()) / 40 - 0.5) for _, picture in told] == [k % 5 for k in range(18)]
