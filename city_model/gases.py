"""Gases between volume and mass: ppb and ppm are shares of volume, ug/m3 is mass; molar mass and the state of the air stand between them.

    ug/m3 = ppb x molar mass / molar volume;  24.45 l/mol at 25 °C and 1 atm (760 mmHg), where QCVN 05:2023 and US EPA state their values

>>> round(ug_m3_from_ppb("no2", 100), 1), round(ppb_from_ug_m3("o3", 120), 1)
(188.2, 61.1)
"""

from __future__ import annotations

MOLAR_MASS_G = {"so2": 64.06, "no2": 46.01, "co": 28.01, "o3": 48.0, "nh3": 17.03}
MOLAR_VOLUME_L = 24.45
"""Of an ideal gas at 25 °C and 1 atm, rounded as both texts' tables are."""
UG_M3_PER_PPB = {name: mass / MOLAR_VOLUME_L for name, mass in MOLAR_MASS_G.items()}


def ug_m3_from_ppb(quantity: str, ppb: float) -> float:
    """Mass concentration at 25 °C and 1 atm. Raises KeyError for what is no gas of the table."""
    return ppb * UG_M3_PER_PPB[quantity]


def ppb_from_ug_m3(quantity: str, ug_m3: float) -> float:
    """Share of volume of a mass concentration stated at 25 °C and 1 atm. Raises KeyError for what is no gas of the table."""
    return ug_m3 / UG_M3_PER_PPB[quantity]
