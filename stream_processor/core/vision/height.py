"""What stands on the road hides what is behind it, and its top seems faster than its wheels: the camera's height says by how much.

A point `z` above the ground at distance d from the camera's foot is seen where the ground is at d * h / (h - z).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOP_M = 1.5
"""Height of a car, and of a rider's shoulders."""
SEEN_M = 0.8
"""Mean height of what is seen of a vehicle: half way up."""
LOWEST_M, HIGHEST_M = 3.0, 200.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Post:
    """Where the camera stands, in the plane's coordinates (metres): its foot and its height."""

    x_m: float
    y_m: float
    height_m: float

    @property
    def speed_factor(self) -> float:
        """True speed of a vehicle over the speed of its picture on the ground."""
        return 1.0 - SEEN_M / self.height_m

    def behind(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Where on the ground the top of something at (x, y) is seen."""
        factor = self.height_m / (self.height_m - TOP_M)
        return self.x_m + (x - self.x_m) * factor, self.y_m + (y - self.y_m) * factor


def post_of(to_road: Floats, width: int, height: int) -> Post | None:
    """The camera of a homography (picture to road), with square pixels and the principal point in the middle of the picture.

    None where the picture has no perspective to tell it by (straight from above), or the answer is no place for a camera.
    """
    shift = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]], np.float64)
    m = shift @ np.linalg.inv(to_road)
    m /= np.linalg.norm(m)
    focal2 = _focal_squared(m, float(width))
    if focal2 is None:
        return None
    k = np.array([1 / math.sqrt(focal2), 1 / math.sqrt(focal2), 1.0])
    a, b, t = (m[:, i] * k for i in range(3))
    scale = 2 / (np.linalg.norm(a) + np.linalg.norm(b))
    r1, r2 = a * scale, b * scale
    rotation = np.stack([r1, r2, np.cross(r1, r2)], axis=1)
    centre = -rotation.T @ (t * scale)
    high = abs(float(centre[2]))
    return Post(float(centre[0]), float(centre[1]), high) if LOWEST_M <= high <= HIGHEST_M else None


def _focal_squared(m: Floats, width: float) -> float | None:
    """From the two columns of a rotation being orthogonal and of one length; the better conditioned of the two."""
    lengths = m[2, 1] ** 2 - m[2, 0] ** 2
    crossed = m[2, 0] * m[2, 1]
    candidates = (
        (abs(lengths), (m[0, 0] ** 2 + m[1, 0] ** 2 - m[0, 1] ** 2 - m[1, 1] ** 2), lengths),
        (abs(crossed), -(m[0, 0] * m[0, 1] + m[1, 0] * m[1, 1]), crossed),
    )
    _, upper, lower = max(candidates, key=lambda c: c[0])
    flat = float(np.abs(m[:2, :2]).max()) / width
    if abs(lower) < (0.02 * flat) ** 2:
        return None
    focal2 = float(upper / lower)
    return focal2 if (0.3 * width) ** 2 < focal2 < (20 * width) ** 2 else None
