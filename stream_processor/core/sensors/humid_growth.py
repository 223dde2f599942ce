"""Humidity correction without a reference instrument: dry mass from what an optical counter sees of swollen particles.

κ-Köhler theory (Petters & Kreidenweis 2007) as Crilley et al. (2018, doi 10.5194/amt-11-709-2018) apply it to counters:
corrected = raw / (1 + (κ / 1.65) · a / (1 − a)) with water activity a = RH / 100 and 1.65 g/cm3 for dry particles.
κ = 0.3 is the mean over continents (Andreae & Rosenfeld 2008).

>>> float(dry_mass(np.array([40.0]), np.array([90.0])).round(2)[0])
15.17
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NAME, VERSION = "kappa_koehler", "1"
KAPPA = 0.3
_DENSITY = 1.65
_WETTEST = 0.97
"""Beyond it the law blows up, and the gate calls it fog."""


def dry_mass(raw: NDArray[np.float64], humidity_percent: NDArray[np.float64], kappa: float = KAPPA) -> NDArray[np.float64]:
    """Corrected mass in ug/m3, same shape."""
    activity = np.clip(humidity_percent / 100.0, 0.0, _WETTEST)
    return np.asarray(raw / (1.0 + kappa / _DENSITY * activity / (1.0 - activity)))
