"""How many want to pass and how fast the road lets them: demand by the hour, speed by the second.

Everything is a closed form of event time and the seed: nothing is stepped, so it does not matter who asks when.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CURVES: dict[str, tuple[tuple[float, float], ...]] = {
    "rush_hour": (
        (0, 0.06), (5, 0.12), (6.5, 0.75), (7.5, 1.0), (8.5, 0.7), (10, 0.5), (11.5, 0.6), (13, 0.5),
        (15, 0.55), (16.5, 0.85), (17.25, 1.0), (18.5, 0.9), (19.5, 0.6), (21, 0.4), (23, 0.15), (24, 0.06),
    ),
    "shift_change": (
        (0, 0.1), (5, 0.3), (6, 1.0), (7, 0.7), (9, 0.4), (13.5, 0.5), (14, 0.8), (15, 0.5),
        (16.5, 0.9), (17.5, 1.0), (18.5, 0.7), (20, 0.4), (22, 0.6), (24, 0.1),
    ),
    "even": ((0, 1.0), (24, 1.0)),
}  # fmt: skip
"""Local hour → share of the peak. Peaks about 07-09 and 16:30-19 as in Vietnamese cities; shift changes at factory gates."""

JAM_ONSET_S, JAM_RELEASE_S = 60.0, 100.0
CREEP_M_S = 0.4  # a jam never stands quite still: distance along the road stays a strictly growing function of time


@dataclass(frozen=True, slots=True)
class Jam:
    """An episode in which the stretch runs at about `speed_kmh`, from `from_ms` until `to_ms` (then it dissolves)."""

    from_ms: int
    to_ms: int
    speed_kmh: float = 5.0


def demand_veh_h(curve: str, peak_veh_h: float, at_s: Floats, utc_offset_s: int) -> Floats:
    """Vehicles an hour that want to enter, at the Unix seconds `at_s`."""
    hours, shares = zip(*CURVES[curve], strict=True)
    local_h = (at_s + utc_offset_s) % 86_400 / 3600
    share: Floats = np.interp(local_h, hours, shares)
    return peak_veh_h * share


def jam_weight(jams: tuple[Jam, ...], at_s: Floats) -> tuple[Floats, Floats]:
    """(0 free .. 1 jammed, speed in the jam in m/s) at the Unix seconds `at_s`."""
    weight, speed = np.zeros_like(at_s), np.full_like(at_s, 1.5)
    for jam in jams:
        rise = _smooth((at_s - jam.from_ms / 1000) / JAM_ONSET_S)
        fall = _smooth((at_s - jam.to_ms / 1000) / JAM_RELEASE_S)
        own = rise * (1 - fall)
        speed = np.where(own > weight, jam.speed_kmh / 3.6, speed)
        weight = np.maximum(weight, own)
    return weight, speed


def speed_m_s(seed: np.random.Generator, free_kmh: float, load: Floats, jams: tuple[Jam, ...], at_s: Floats) -> Floats:
    """Speed of the stretch. `load` (0..1, share of the peak demand) slows free traffic by up to a fifth; in a jam it stops and goes."""
    phase = seed.uniform(0, 2 * np.pi, 6)
    drift = 0.04 * _wave(at_s, 613, phase[0]) + 0.03 * _wave(at_s, 171, phase[1]) + 0.03 * _wave(at_s, 59, phase[2])
    free = free_kmh / 3.6 * (1 - 0.2 * load) * (1 + drift)
    stop_and_go = 0.4 * _wave(at_s, 47, phase[3]) + 0.2 * _wave(at_s, 83, phase[4]) + 0.15 * _wave(at_s, 29, phase[5])
    weight, jam_speed = jam_weight(jams, at_s)
    return np.maximum(CREEP_M_S, free * (1 - weight) + jam_speed * (1 + stop_and_go) * weight)


def _wave(at_s: Floats, period_s: float, phase: float) -> Floats:
    return np.sin(2 * np.pi / period_s * at_s + phase)


def _smooth(x: Floats) -> Floats:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
