"""What to tell people at a level of VN_AQI: its effect, advice for everybody, and for sensitive people, in Vietnamese and English.

>>> advice(110).sensitive_en
'Cut down strenuous activity and time outdoors. People with asthma may need their medicine more often.'
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from city_model.settings import load
from stream_processor.core.air.standards import TABLES


@dataclass(frozen=True, slots=True)
class Advice:
    """Of every index up to and with `up_to` that no lower level has."""

    up_to: int
    effect_vi: str
    effect_en: str
    general_vi: str
    general_en: str
    sensitive_vi: str
    sensitive_en: str


@dataclass(frozen=True, slots=True)
class _File:
    level: tuple[Advice, ...]


@functools.cache
def _levels() -> tuple[Advice, ...]:
    return load(_File, TABLES / "advice.toml").level


def advice(index: float) -> Advice:
    """Raises ValueError below zero: an unknown index has no advice."""
    if index < 0:
        raise ValueError(f"no advice for an index of {index}")
    return next((level for level in _levels() if index <= level.up_to), _levels()[-1])
