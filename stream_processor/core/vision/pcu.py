"""Passenger-car units per vehicle, by versioned table. Counts are never edited: units are derived from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Factors:
    """One table. A camera sees no axles, so "large" is one class; its factor lies between the table's two."""

    version: str
    two_wheeler: float
    car: float
    large: float


TCVN_4054 = Factors("tcvn4054-2005", two_wheeler=0.3, car=1.0, large=2.25)
"""TCVN 4054:2005 table 2, flat or rolling terrain: motorcycle 0.3, car 1.0; 2-axle lorry or bus below 25 seats 2.0 and
lorry of 3 or more axles or large bus 2.5, of which 2.25 is the middle."""


def flow_pcu_h(two_wheelers: int, cars: int, large: int, span_s: float, factors: Factors = TCVN_4054) -> float:
    """Flow over `span_s` seconds as passenger-car units an hour."""
    units = two_wheelers * factors.two_wheeler + cars * factors.car + large * factors.large
    return units * 3600 / span_s if span_s > 0 else 0.0
