"""Two-wheelers: rendered swarms, one to six abreast, alone and among cars and buses: flow in PCU, area occupancy, length of the queue.

Every case has a camera of its own (height and tilt from the seed) and a traffic of its own (mix, density, speed). Flow and occupancy are
compared over all samples after the first; the queue when it has stood for ten seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from city_model.events import TrafficSample
from simulators.cameras.suites.port import Figure, Play, Row, SuiteReport
from simulators.cameras.swarm import START_MS, Painter, Swarm, make_queue, make_swarm
from simulators.road.camera import Camera
from stream_processor.core.vision.camera import CameraVision

WIDTH, HEIGHT, FRAMES_PER_S = 640, 360, 10.0
CASE_S, FIRST_S = 25, 5
QUEUE_S = 30
MIXES = {
    "motorbikes only": (1.0, 0.0, 0.0, 0.0),
    "some cars": (0.9, 0.1, 0.0, 0.0),
    "cars and buses": (0.85, 0.1, 0.025, 0.025),
    "many cars": (0.6, 0.3, 0.05, 0.05),
    "mostly cars": (0.3, 0.6, 0.05, 0.05),
    "buses": (0.75, 0.15, 0.1, 0.0),
}
"""Shares of motorbikes, cars, buses and lorries."""
DEMANDS_VEH_H = ((5_000, 14_000), (2_000, 5_000))  # mostly motorbikes; mostly cars
CASES, QUEUES = 12, 6
FLOW, OCCUPANCY, QUEUE = "flow error", "occupancy error", "queue error"


def run(play: Play) -> SuiteReport:
    """Moving swarms first, then queues."""
    rows: list[Row] = []
    for number in range(CASES):
        play.progress(f"two-wheelers: swarm {number + 1} of {CASES}")
        rows.append(_moving(number, np.random.default_rng([play.seed, number]), play.seed * 100 + number))
    for number in range(QUEUES):
        play.progress(f"two-wheelers: queue {number + 1} of {QUEUES}")
        rows.append(_standing(number, np.random.default_rng([play.seed, 50 + number]), play.seed * 100 + number))
    return SuiteReport("two-wheelers", tuple(rows), tuple(_figures(rows)))


def _figures(rows: list[Row]) -> Iterator[Figure]:
    for word, key, goal, minimum in (
        ("flow in PCU", FLOW, 0.05, 0.1),
        ("area occupancy", OCCUPANCY, 0.03, 0.05),
        ("queue length", QUEUE, 0.1, 0.2),
    ):
        errors = [abs(error) for row in rows if isinstance(error := row[key], float)]
        yield Figure(f"{word}: median error", float(np.median(errors)), goal, minimum, better="lower")
        yield Figure(f"{word}: 90th percentile", float(np.quantile(errors, 0.9)))


def _moving(number: int, rng: np.random.Generator, seed: int) -> Row:
    camera, seen = _camera(rng)
    name, shares = list(MIXES.items())[number % len(MIXES)]
    low, high = DEMANDS_VEH_H[0 if shares[0] > 0.7 else 1]
    swarm = make_swarm(rng, shares, float(rng.uniform(low, high)), float(rng.uniform(10, 40)), seen, CASE_S)
    told = [s for s in _samples(swarm, camera, seed, CASE_S) if s.at_ms > START_MS + FIRST_S * 1000]
    flow, occupancy = swarm.truth(FIRST_S, CASE_S)
    said_flow, said_occupancy = float(np.mean([s.flow_pcu_h for s in told])), float(np.mean([s.area_occupancy for s in told]))
    return {
        "case": name, "height m": round(camera.height_m, 1), "PCU/h": round(flow), "said PCU/h": round(said_flow),
        FLOW: said_flow / flow - 1, "occupied": occupancy, "said occupied": said_occupancy, OCCUPANCY: said_occupancy - occupancy,
        "queue m": None, "said m": None, QUEUE: None,
    }  # fmt: skip


def _standing(number: int, rng: np.random.Generator, seed: int) -> Row:
    camera, seen = _camera(rng)
    name, shares = list(MIXES.items())[number % len(MIXES)]
    swarm, length_m = make_queue(rng, shares, seen, QUEUE_S)
    said = _samples(swarm, camera, seed, QUEUE_S)[-1].queue_m
    said_m = said if isinstance(said, float) else 0.0
    return {
        "case": f"queue, {name}", "height m": round(camera.height_m, 1), "PCU/h": None, "said PCU/h": None,
        FLOW: None, "occupied": None, "said occupied": None, OCCUPANCY: None,
        "queue m": length_m, "said m": said_m, QUEUE: said_m / length_m - 1,
    }  # fmt: skip


def _samples(swarm: Swarm, camera: Camera, seed: int, seconds: float) -> list[TrafficSample]:
    vision, painter = CameraVision(swarm.geometry(camera)), Painter(camera, seed)
    samples = []
    for i in range(round(seconds * FRAMES_PER_S) + 1):
        at_s = i / FRAMES_PER_S
        samples += vision.feed(painter.paint(swarm.placed(at_s)), START_MS + round(at_s * 1000))
    return samples


def _camera(rng: np.random.Generator) -> tuple[Camera, tuple[float, float]]:
    """A camera 8 to 13 m high looking 22 to 35 degrees down, and the road it sees, 30 m at most."""
    camera = Camera(WIDTH, HEIGHT, float(rng.uniform(8, 13)), math.radians(float(rng.uniform(22, 35))))
    y = np.arange(6.0, 80.0, 0.5)
    _, v = camera.project(np.full_like(y, 3.0), y, np.zeros_like(y))
    seen = y[(v > 3) & (v < HEIGHT - 3)]
    return camera, (float(seen[0]), min(float(seen[0]) + 30.0, float(seen[-1])))
