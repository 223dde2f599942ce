"""`saola camera analyze`: a clip as JSON lines, in a child process that may die."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from city_model.faults import ConfigError, Unavailable
from edge_agent.cameras.cli import camera
from tests.vision.scenes import GEOMETRY, HEIGHT, LEFT, LINE_Y, RIGHT, WIDTH, Vehicle, frames

FPS = 20
VEHICLES = [Vehicle(1.0 + 1.6 * k, k % 3, 10.0) for k in range(6)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """14 s of a drawn road that six cars drive down."""
    path = tmp_path_factory.mktemp("clips") / "road.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for _, picture in frames(VEHICLES, 14, FPS):
        writer.write(np.repeat(picture[..., None], 3, axis=2))
    writer.release()
    return path


@pytest.fixture
def geometry(tmp_path: Path) -> Path:
    path = tmp_path / "camera.toml"
    road = [list(p) for p in GEOMETRY.carriageways[0].polygon]
    path.write_text(
        f"frame_size = [{WIDTH}, {HEIGHT}]\n[[carriageways]]\ndirection = 'down'\ndirection_vector = [0, 1]\nlanes = 3\n"
        f"polygon = {road}\nline = [{LEFT}, {LINE_Y}, {RIGHT}, {LINE_Y}]\n"
    )
    return path


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(camera, ["analyze", *map(str, args)])


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_crossings_samples_and_states_of_both_passes_are_lines_in_their_places(clip: Path, geometry: Path) -> None:
    done = run(clip, "--camera", geometry, "--passes", "2")
    assert done.exit_code == 0, done.output
    got = lines(done.stdout)
    second = [line for line in got if line["kind"] == "crossing" and line["pass"] == 2]
    expected = [FPS * (v.enters_s + LINE_Y / 8 / v.speed_m_s) for v in VEHICLES]
    assert [line["frame"] for line in second] == pytest.approx(expected, abs=6)
    assert {(line["line"], line["direction"], line["class"]) for line in second} == {("down", "down", "car")}
    assert [line["time_s"] for line in second] == pytest.approx([14 + line["frame"] / FPS for line in second], abs=0.03)
    samples = [line for line in got if line["kind"] == "sample" and line["at_ms"] % 5000 == 0]  # an incident ends one before its time
    assert [line["at_ms"] for line in samples] == [5000, 10000, 15000, 20000, 25000]
    assert [line["pass"] for line in samples] == [1, 1, 2, 2, 2]
    assert "560 frames" in done.stderr


def test_json_goes_to_a_file_and_the_summary_to_standard_output(clip: Path, geometry: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    done = run(clip, "--camera", geometry, "--json", out)
    assert done.exit_code == 0
    told = [line for line in lines(out.read_text()) if line["kind"] == "crossing"]
    assert f"crossings · down · pass 1 · car: {len(told)}" in done.stdout
    assert done.stderr == ""


def test_what_is_no_video_and_what_is_no_geometry_are_told_before_anything_runs(clip: Path, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(bytes(range(256)) * 40)
    assert isinstance(err := run(garbage).exception, Unavailable)
    assert str(err) == f"{garbage}: not a video that can be read"
    wrong = tmp_path / "camera.toml"
    wrong.write_text("frame_size = [4, 4]\n")
    assert isinstance(run(clip, "--camera", wrong).exception, ConfigError)


def test_every_sub_command_is_here_and_loads() -> None:
    points = {point.name: point.load() for point in entry_points(group="saola.camera")}
    assert set(points) == {"analyze", "bench", "draw", "score"}
    assert all(isinstance(command, click.Command) for command in points.values())
