"""`saola camera draw`: the picture shows what was counted, where and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from city_model.faults import Unavailable
from edge_agent.cameras.bench_clips import write_geometry
from edge_agent.cameras.cli import camera
from edge_agent.cameras.paint import CLASSES, pen_for, words
from edge_agent.cameras.slits import Slit
from tests.vision.scenes import GEOMETRY, HEIGHT, LINE_Y, WIDTH, Vehicle, frames

FPS, SECONDS = 20, 6
VEHICLES = [Vehicle(0.5 + 1.5 * k, k % 3, 10.0) for k in range(3)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "road.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for _, picture in frames(VEHICLES, SECONDS, FPS):
        writer.write(np.repeat(picture[..., None], 3, axis=2))
    writer.release()
    return path


@pytest.fixture
def geometry(tmp_path: Path) -> Path:
    path = tmp_path / "camera.toml"
    write_geometry(GEOMETRY, path)
    return path


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(camera, ["draw", *map(str, args)])


def test_a_picture_has_the_frame_on_top_and_each_line_over_time_below(clip: Path, geometry: Path, tmp_path: Path) -> None:
    out = tmp_path / "road.png"
    done = run(clip, "--camera", geometry, "-o", out)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{out}\n"
    picture = cv2.imread(str(out))
    assert picture is not None
    zoom = 4  # 200 pixels are few to write on
    assert picture.shape == (HEIGHT * zoom + 4 + 6 + 84, WIDTH * zoom, 3)
    frame, slit = picture[: HEIGHT * zoom], picture[HEIGHT * zoom + 10 :]
    assert (frame.max(axis=2) - frame.min(axis=2) > 30).any()  # colours on a grey picture
    expected = [(v.enters_s + LINE_Y / 8 / v.speed_m_s) / SECONDS * WIDTH * zoom for v in VEHICLES]
    marks = np.flatnonzero(green(slit))
    assert all(np.abs(marks - x).min() < 40 for x in expected), (marks, expected)


def green(picture: Any) -> Any:  # noqa: ANN401 - arrays
    """Columns with the colour of a counted car."""
    return np.asarray((np.abs(picture.astype(int) - CLASSES["car"]).max(axis=2) < 40).sum(axis=0) >= 8)


def test_a_video_has_every_frame_of_the_last_pass(clip: Path, geometry: Path, tmp_path: Path) -> None:
    out = tmp_path / "road.mp4"
    assert run(clip, "--camera", geometry, "-o", out, "--passes", "1").exit_code == 0
    capture = cv2.VideoCapture(str(out))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), round(capture.get(cv2.CAP_PROP_FPS))) == (FPS * SECONDS, FPS)


def test_what_cannot_be_drawn_is_said(clip: Path, tmp_path: Path) -> None:
    assert "is neither .png nor .mp4" in run(clip, "-o", tmp_path / "road.gif").output
    (tmp_path / "empty.mp4").touch()
    assert isinstance(run(tmp_path / "empty.mp4", "-o", tmp_path / "x.png").exception, Unavailable)


def test_a_mark_stands_at_its_frame(tmp_path: Path) -> None:
    from edge_agent.cameras.play import Played

    slit = Slit(GEOMETRY.carriageways[0], 400)
    for k in range(100):
        slit.look(Played(1, k, k * 50, np.full((HEIGHT, WIDTH), 90, np.uint8)))
    crossing = {"kind": "crossing", "direction": "down", "class": "car", "pass": 1, "frame": 75, "share": 0.5, "width_share": 0.3}
    drawn = slit.drawn([crossing], pen_for(400))
    assert drawn is not None
    assert np.flatnonzero(green(drawn[40:])).mean() == pytest.approx(302, abs=1)


def test_words_stay_on_the_canvas() -> None:
    canvas = np.full((40, 100, 3), 90, np.uint8)
    words(canvas, "a long text that does not fit", (80, 200), pen_for(100), (255, 255, 255))
    assert (canvas != 90).any()
