"""The pictures: the same every time, a geometry that vision accepts, vehicles where the model has them."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from city_model.faults import ConfigError
from simulators.road.camera import NEAR_M, Camera
from simulators.road.draw import frames, geometry_toml
from simulators.road.model import RoadModel
from simulators.road.scene import background
from simulators.road.spec import read_spec
from stream_processor.core.vision.geometry import load_geometry

ORIGIN_MS = 1_773_129_600_000
START_MS = ORIGIN_MS + 60_000


def spec(seconds: float, peak_veh_h: float = 3000, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    directions = [{"id": "north", "peak_veh_h": peak_veh_h, "curve": "even"}, {"id": "south", "peak_veh_h": peak_veh_h, "curve": "even"}]
    whole = {"seed": 3, "origin_ms": ORIGIN_MS, "end_ms": ORIGIN_MS + 1_800_000, "directions": directions}
    return {**whole, "start_ms": START_MS, "stop_ms": START_MS + round(seconds * 1000), **more}


def test_frames_come_on_a_raster_and_are_the_same_every_time() -> None:
    first, again = list(frames(spec(3))), list(frames(spec(3)))
    assert [at_ms - START_MS for at_ms, _ in first] == list(range(0, 3000, 100))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(first, again, strict=True))
    assert {(picture.shape, picture.dtype.name) for _, picture in first} == {((240, 320, 3), "uint8")}


def test_a_picture_does_not_depend_on_when_drawing_began() -> None:
    late = spec(1) | {"start_ms": START_MS + 2000, "stop_ms": START_MS + 3000}
    whole = list(frames(spec(3)))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(list(frames(late)), whole[20:], strict=True))


def test_grey_pictures_of_another_size() -> None:
    _, picture = next(frames(spec(1, pixels="gray", width=160, height=120)))
    assert picture.shape == (120, 160)


def test_a_wrong_spec_says_all_that_is_wrong() -> None:
    with pytest.raises(ConfigError) as caught:
        next(frames(spec(1, fps=0.01, pixels="rgb", colour=3)))
    assert {problem.key for problem in caught.value.problems} == {"fps", "pixels", "colour"}


def test_the_geometry_is_one_that_vision_accepts(tmp_path: Path) -> None:
    (tmp_path / "camera.toml").write_text(geometry_toml(spec(1)))
    geometry = load_geometry(tmp_path / "camera.toml")
    assert geometry.frame_size == (320, 240)
    assert [way.direction for way in geometry.carriageways] == ["north", "south"]
    north, south = (way.direction_vector for way in geometry.carriageways)
    assert north is not None
    assert south is not None
    assert north[1] < 0 < south[1]


def test_the_homography_is_exact(tmp_path: Path) -> None:
    (tmp_path / "camera.toml").write_text(geometry_toml(spec(1)))
    homography = load_geometry(tmp_path / "camera.toml").homography
    assert homography is not None
    camera = Camera(320, 240)
    for (u, v), (x, y) in zip(homography.image, homography.metres, strict=True):
        assert camera.point(x, y) == pytest.approx((u, v), abs=0.001)


def test_noise_and_light_move_but_the_street_stays() -> None:
    pictures = np.stack([picture for _, picture in frames(spec(3, peak_veh_h=0))]).astype(float)
    street = background(Camera(320, 240), 3)
    assert 2 < pictures.std(axis=0).mean() < 6
    assert np.abs(pictures.mean(axis=0) - street).mean() < 8


def test_vehicles_stand_in_the_picture_where_the_model_has_them() -> None:
    """On a thin road every passage darkens or lights the counting line's strip of asphalt: as many as the model counts, seen in pixels."""
    thin = spec(240, peak_veh_h=220)
    model = RoadModel(read_spec(thin))
    camera = Camera(320, 240)
    street = background(camera, 3).astype(np.int16)
    row = round(camera.point(0, NEAR_M + 10)[1])
    left, right = (round(camera.point(x, NEAR_M + 10)[0]) for x in (1.0, 6.6))
    busy = [
        bool(
            (
                np.abs(picture[row - 1 : row + 2, left:right].astype(np.int16) - street[row - 1 : row + 2, left:right]).max(axis=(0, 2))
                > 40
            ).sum()
            > 3
        )
        for _, picture in islice(frames(thin), 2400)
    ]
    passages = sum(now and not before for before, now in zip([False, *busy], busy, strict=False))
    true = [c.at_ms for c in model.crossings("north", START_MS, START_MS + 240_000)]
    apart = 1 + sum(b - a > 1500 for a, b in pairwise(true))
    assert len(true) >= 8
    assert abs(passages - apart) <= 2
