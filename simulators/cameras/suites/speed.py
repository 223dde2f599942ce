"""Speed: real vehicles, cut out of the clips, drive at 20 to 130 km/h on roads whose homography is known exactly.

Each case is a camera of its own (height, tilt, lens, frame rate and direction from the seed) over a stream of vehicles at one speed.
Every sample's space-mean speed is compared with that of the vehicles that were on the road during it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from city_model.faults import Unavailable
from simulators.cameras.cutouts import cut_outs
from simulators.cameras.render import Card, Grey, Mast, Road, Sensor, draw, ground_picture
from simulators.cameras.suites.port import Figure, Play, Row, SuiteReport
from stream_processor.core.vision.camera import CameraVision

SPEEDS_KMH = (20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130)
FRAMES_PER_S = (25.0, 15.0, 30.0)
CASE_S, FIRST_S = 15.0, 5.0
START_MS = 1_764_000_000_000
LEAST_CARDS = 4


@dataclass(frozen=True, slots=True)
class Drive:
    """One vehicle: its card, lane, speed, and when its foot is at the beginning of the drawn road."""

    card: Card
    x: float
    speed_m_s: float
    enters_s: float


def run(play: Play) -> SuiteReport:
    """Every speed on a camera of its own."""
    cards = cut_outs(play.data)
    if len(cards) < LEAST_CARDS:
        raise Unavailable(f"{play.data}: {len(cards)} vehicles could be cut out, at least {LEAST_CARDS} are needed")
    rows: list[Row] = []
    errors: list[float] = []
    for number, kmh in enumerate(SPEEDS_KMH):
        play.progress(f"speed: {kmh} km/h")
        row, own = _case(kmh, FRAMES_PER_S[number % 3], cards, np.random.default_rng([play.seed, number]))
        rows.append(row)
        errors += own
    figures = (
        Figure("median error", float(np.median(errors)), 0.03, 0.05, better="lower"),
        Figure("95th percentile of the error", float(np.quantile(errors, 0.95)), 0.08, 0.12, better="lower"),
        Figure("samples", len(errors)),
    )
    return SuiteReport("speed", tuple(rows), figures)


def _case(kmh: float, fps: float, cards: list[Card], rng: np.random.Generator) -> tuple[Row, list[float]]:
    mast, road = _camera(rng)
    drives = _traffic(kmh / 3.6, road, cards, rng)
    vision = CameraVision(road.geometry(mast))
    errors, seen = [], []
    samples = [s for at_ms, frame in _frames(mast, road, drives, fps, rng) for s in vision.feed(frame, at_ms)]
    for sample in samples:
        end_s = (sample.at_ms - START_MS) / 1000
        true = _space_mean(drives, road, end_s - sample.span_s, end_s)
        if end_s <= FIRST_S or true is None:
            continue
        said = sample.speed_kmh
        errors.append(1.0 if said is None else abs(said / (true * 3.6) - 1))
        seen.append(math.nan if said is None else said / (true * 3.6))
    row: Row = {
        "km/h": kmh, "fps": fps, "height m": round(mast.height_m, 1), "way": "away" if road.away else "towards",
        "said / true": round(float(np.mean(seen)), 3), "worst error": round(max(errors), 3),
    }  # fmt: skip
    return row, errors


def _camera(rng: np.random.Generator) -> tuple[Mast, Road]:
    high = float(rng.uniform(6, 14))
    mast = Mast(height_m=high, tilt_rad=math.radians(float(rng.uniform(14, 20))), focal=float(rng.uniform(0.9, 1.4)))
    rows = [mast.project(np.array([(0.0, y, 0.0)]))[0, 1] for y in np.arange(5.0, 60.0, 0.5)]
    near = 5.0 + 0.5 * sum(row > mast.height - 4 for row in rows)
    return mast, Road(near, near + 45.0, 2, away=bool(rng.integers(2)))


def _traffic(speed_m_s: float, road: Road, cards: list[Card], rng: np.random.Generator) -> list[Drive]:
    """Two lanes, 25 to 60 m from one to the next."""
    drives = []
    for lane in range(road.lanes):
        at_s = 0.0
        while at_s < CASE_S:
            at_s += float(rng.uniform(25, 60)) / speed_m_s
            x = (lane + 0.5) * 3.5 - road.half_m + float(rng.uniform(-0.4, 0.4))
            drives.append(Drive(cards[int(rng.integers(len(cards)))], x, speed_m_s, at_s))
    return drives


def _place_m(drive: Drive, road: Road, at_s: float) -> float:
    """World y of the foot; entering 10 m out of the picture."""
    ran = (at_s - drive.enters_s) * drive.speed_m_s - 10
    return road.near_m + ran if road.away else road.far_m - ran


def _space_mean(drives: list[Drive], road: Road, from_s: float, to_s: float) -> float | None:
    speeds = [d.speed_m_s for t in np.arange(from_s, to_s, 0.1) for d in drives if road.near_m < _place_m(d, road, float(t)) < road.far_m]
    return float(np.mean(speeds)) if speeds else None


def _frames(mast: Mast, road: Road, drives: list[Drive], fps: float, rng: np.random.Generator) -> Iterator[tuple[int, Grey]]:
    empty, sensor = ground_picture(mast, road, rng), Sensor(mast, rng)
    for i in range(round(CASE_S * fps) + 1):
        at_s = i / fps
        placed = ((d.card, d.x, _place_m(d, road, at_s)) for d in drives)
        yield START_MS + round(at_s * 1000), draw(mast, empty, (p for p in placed if 3.0 < p[2] < 130.0), sensor)
