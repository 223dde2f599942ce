"""What drives in Vietnamese mixed traffic, its size on the ground, and what it counts in passenger-car units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of vehicle: metres, the slots (of `SLOT_M`) it takes abreast, and its class in a traffic sample."""

    name: str
    length_m: float
    width_m: float
    height_m: float
    slots: int
    sample_class: int  # 0 two-wheeler, 1 car, 2 large
    colours: int


MOTORBIKE, CAR, BUS, TRUCK = 0, 1, 2, 3
KINDS = (
    Kind("motorbike", 2.0, 0.80, 1.60, 1, 0, 6),
    Kind("car", 4.3, 1.75, 1.50, 2, 1, 6),
    Kind("bus", 9.5, 2.45, 3.10, 3, 2, 3),
    Kind("truck", 7.0, 2.30, 2.90, 3, 2, 3),
)
"""A motorbike's oval of following space is as small as 1.5 x 1.74 m in Vietnamese studies; length and width include rider and mirrors."""

PCU = (0.3, 1.0, 2.5)
"""Per sample class, TCVN 4054:2005 table 2, flat terrain: motorcycle, car, large bus or truck of three axles."""

SHARES = (0.85, 0.12, 0.015, 0.015)
"""Of all vehicles, per kind: about 85-90 % two-wheelers at the counted sites in Hanoi and Ho Chi Minh City."""

SLOT_M = 1.05
"""Width one motorbike takes when it rides abreast of others."""
