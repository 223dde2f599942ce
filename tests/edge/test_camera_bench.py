"""`saola camera bench`: the production path at 25 frames a second, and the search for the most cameras."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from city_model.faults import Unavailable
from edge_agent.cameras.bench_clips import clip_of_size, given_clip, write_geometry
from edge_agent.cameras.bench_run import Measured, Offline, measure
from edge_agent.cameras.bench_search import most
from edge_agent.sources.work import Work
from stream_processor.core.vision.geometry import load_geometry
from tests.vision.scenes import GEOMETRY, HEIGHT, WIDTH, Vehicle, frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "road.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (WIDTH, HEIGHT))
    for _, picture in frames([Vehicle(0.5 + k, k % 3, 12.0) for k in range(4)], 5, 25):
        writer.write(np.repeat(picture[..., None], 3, axis=2))
    writer.release()
    return path


async def test_cameras_at_work_say_what_an_analysis_without_haste_says(clip: Path, tmp_path: Path) -> None:
    toml = tmp_path / "camera.toml"
    write_geometry(GEOMETRY, toml)
    geometry = load_geometry(toml)
    assert geometry.carriageways == GEOMETRY.carriageways
    before = os.sched_getaffinity(0)
    got = await measure(clip, toml, Offline(clip, geometry), cameras=2, core=max(before), seconds=4.0)
    assert os.sched_getaffinity(0) == before
    assert got.faults == ()
    assert got.frames > 0
    assert got.samples >= 2
    assert got.wrong == 0 or got.dropped > 0  # a machine too slow for two cameras drops frames, and may then say something else
    assert got.decode_ms > 0 < got.vision_ms


@pytest.mark.parametrize("limit", [1, 2, 7, 23, 60, 61])
@pytest.mark.parametrize("guess", [1, 5, 60])
def test_the_search_ends_within_a_twentieth_of_the_limit(limit: int, guess: int) -> None:
    trials: list[int] = []

    def holds(count: int, for_s: float) -> bool:
        trials.append(count)
        return count <= limit

    assert limit - max(1, limit // 20) < most(guess, holds) <= limit
    assert min(trials) >= 1
    assert len(trials) == len(set(trials))


def test_an_overloaded_core_does_not_hold() -> None:
    fine = Measured(4, 10, 1000, 0, 90, 0.2, 0.3, 0.05, 8, 0, ())
    assert fine.holds
    assert fine.full_at == 72  # 0.55 ms of 40
    told = [(970, 0, 90.0, 0), (1000, 1, 90.0, 0), (1000, 0, 200.0, 0), (1000, 0, 90.0, 1)]
    assert not any(Measured(4, 10, f, d, late, 0.2, 0.3, 0.05, 8, wrong, ()).holds for f, d, late, wrong in told)


def test_lateness_is_counted_in_bins_and_by_difference() -> None:
    before, now = Work(), Work(frames=3, dropped=1)
    for late_ms in (-3.0, 0.0, 12.0, 5000.0):
        now.count_late(late_ms)
    since = now.since(before)
    assert (since.frames, since.dropped) == (3, 1)
    assert {i: n for i, n in enumerate(since.late) if n} == {0: 2, 1: 1, 100: 1}


def test_a_size_that_no_clip_has_is_made_from_the_most_alike(clip: Path, tmp_path: Path) -> None:
    line = {"line": [60, 160, 144, 160], "direction_vector": [0, 1]}
    truth = {"counts": {"road": {"file": str(clip), "size": [200, 320], "lines": {"down": line}}}}
    (tmp_path / "ground_truth.json").write_text(json.dumps(truth))
    same = clip_of_size(tmp_path, (WIDTH, HEIGHT), tmp_path)
    assert (same.path, same.note) == (clip, "")
    other = clip_of_size(tmp_path, (300, 480), tmp_path)
    assert "scaled" in other.note
    assert given_clip(other.path, other.geometry).size == (300, 480)
    assert other.geometry.scaled(300, 480).carriageways[0].line == (90.0, 240.0, 216.0, 240.0)


def test_a_folder_without_truth_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"no ground_truth\.json there"):
        clip_of_size(tmp_path, (640, 360), tmp_path)
