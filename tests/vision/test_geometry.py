"""Camera files: every problem at once, defaults, scaling."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_model.faults import ConfigError
from stream_processor.core.vision.geometry import CameraGeometry, default_line, load_geometry
from tests.vision import scenes

GOOD = """
frame_size = [352, 288]
masks = [[[0, 0], [50, 0], [50, 40]]]
[[carriageways]]
direction = "left"
polygon = [[159, 105], [177, 105], [158, 287], [24, 287]]
direction_vector = [0, -1]
lanes = 3
"""

BAD = """
frame_size = [352, 288]
[homography]
image = [[0, 0], [1, 0], [2, 0], [3, 0]]
metres = [[0, 0], [1, 0]]
[[carriageways]]
direction = "a b"
lanes = 99
poligon = [[1, 1], [2, 2]]
[[carriageways]]
direction = "x"
polygon = [[1, 1], [2, 2]]
line = [1, 1, 2, 2]
"""


def test_without_a_file_the_whole_picture_is_one_carriageway() -> None:
    geometry = load_geometry(None)
    assert geometry == CameraGeometry()
    assert [way.direction for way in geometry.carriageways] == ["all"]


def test_a_camera_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cam.toml"
    path.write_text(GOOD)
    geometry = load_geometry(path)
    assert geometry.carriageways[0].lanes == 3
    assert geometry.masks == (((0.0, 0.0), (50.0, 0.0), (50.0, 40.0)),)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "cam.toml"
    path.write_text(BAD)
    with pytest.raises(ConfigError) as caught:
        load_geometry(path)
    keys = {problem.key for problem in caught.value.problems}
    assert keys >= {
        "homography.image", "homography.metres", "carriageways[0].direction", "carriageways[0].lanes", "carriageways[0].poligon",
        "carriageways[1].polygon", "carriageways[1].direction_vector", "carriageways[1].line",
    }  # fmt: skip


def test_points_outside_the_picture_and_a_missing_size_are_problems(tmp_path: Path) -> None:
    path = tmp_path / "cam.toml"
    path.write_text(GOOD.replace("287", "400"))
    with pytest.raises(ConfigError, match="outside the picture"):
        load_geometry(path)
    path.write_text(GOOD.replace("frame_size = [352, 288]", ""))
    with pytest.raises(ConfigError, match="frame_size"):
        load_geometry(path)


def test_geometry_scales_with_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "cam.toml"
    path.write_text(GOOD)
    double = load_geometry(path).scaled(704, 576)
    assert double.frame_size == (704, 576)
    assert double.carriageways[0].polygon[0] == (318.0, 210.0)


def test_the_default_line_crosses_the_middle_of_the_polygon() -> None:
    x1, y1, x2, y2 = default_line(scenes.ROAD, (0.0, 1.0))
    assert {round(x1), round(x2)} == {round(scenes.LEFT), round(scenes.RIGHT)}
    assert y1 == y2 == pytest.approx(scenes.HEIGHT / 2, abs=1)
