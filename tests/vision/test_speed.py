"""Speed on rendered roads with an exact homography: within the bars of the suite, whatever the camera's height and the speed."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from simulators.cameras.render import Card, Mast, Road, Sensor, draw, ground_picture
from stream_processor.core.vision.camera import CameraVision

START_MS = 1_764_000_000_000


def card(rng: np.random.Generator) -> Card:
    """A car's back: body, window, lamps."""
    picture = np.full((60, 70), float(rng.choice([35, 190])), np.float32)
    picture[8:26, 8:-8] = 60.0
    picture[34:42, 2:16] = picture[34:42, -16:-2] = 120.0
    picture[44:50, 24:46] = 220.0
    picture[54:, 4:18] = picture[54:, -18:-4] = 15.0
    return Card(picture + rng.normal(0, 5, picture.shape).astype(np.float32), np.ones((60, 70), np.float32), 1.8, 1.4, 0.6)


@pytest.mark.parametrize(("kmh", "high_m", "away", "fps"), [(20, 7.0, True, 12.5), (70, 11.0, False, 25.0), (130, 8.0, False, 25.0)])
def test_speed_is_within_five_per_cent(kmh: float, high_m: float, away: bool, fps: float) -> None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(5)
    mast, road = Mast(height_m=high_m, tilt_rad=math.radians(17)), Road(16.0, 56.0, 2, away=away)
    empty, sensor, step_m = ground_picture(mast, road, rng), Sensor(mast, rng), kmh / 3.6 / fps
    cars = [(card(rng), 1.75 if i % 2 else -1.75, -i * 24.0 - 5) for i in range(20)]
    vision, samples = CameraVision(road.geometry(mast)), []
    for i in range(round(11 * fps)):
        ran = [(c, x, begin + i * step_m) for c, x, begin in cars]
        placed = [(c, x, road.near_m + s if away else road.far_m - s) for c, x, s in ran if -6 < s < 60]
        samples += vision.feed(draw(mast, empty, placed, sensor), START_MS + round(i * 1000 / fps))
    assert samples[-1].speed_kmh == pytest.approx(kmh, rel=0.05)
    assert samples[-1].speed_basis == "homography"
