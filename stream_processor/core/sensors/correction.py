"""Correction of low-cost particle counters: explicit models with a name and a version; the raw value is kept beside the corrected one.

A model is a list of named terms with a weight each. `fit` finds the weights from readings beside a reference instrument by ridge
regression on standardised terms (Hoerl & Kennard 1970): with few weeks of data plain least squares follows the noise. A shipped model
tells what it was fitted on and which sensors those were, so that nobody mistakes a fit for a test.

>>> model = Model("twice", "1", ("one", "pm"), (1.0, 2.0))
>>> model.apply({"pm": np.array([5.0, -9.0])}).tolist()
[11.0, 0.0]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Inputs = Mapping[str, Floats]


def _season(inputs: Inputs) -> Floats:
    return np.asarray(2.0 * np.pi * inputs["day_of_year"] / 365.25)


TERMS: dict[str, Callable[[Inputs], Floats]] = {
    "one": lambda x: np.ones_like(x["pm"]),
    "pm": lambda x: x["pm"],
    "pm2": lambda x: x["pm"] ** 2,
    "root_pm": lambda x: np.sqrt(np.maximum(x["pm"], 0.0)),
    "root_pm_before": lambda x: np.sqrt(np.maximum(x["pm_before"], 0.0)),
    "humidity": lambda x: x["humidity"],
    "temperature": lambda x: x["temperature"],
    "o3": lambda x: x["o3"],
    "pm_humidity": lambda x: x["pm"] * x["humidity"],
    "pm_temperature": lambda x: x["pm"] * x["temperature"],
    "winter": lambda x: np.cos(_season(x)),
    "spring": lambda x: np.sin(_season(x)),
    "temperature_winter": lambda x: x["temperature"] * np.cos(_season(x)),
    "temperature_spring": lambda x: x["temperature"] * np.sin(_season(x)),
    "humidity_winter": lambda x: x["humidity"] * np.cos(_season(x)),
    "humidity_spring": lambda x: x["humidity"] * np.sin(_season(x)),
}
"""Name → its values, shape (n,). Inputs: pm in ug/m3 (of a counter with two channels the lower one, since they fail upwards), pm_before
(an hour earlier), humidity in %, temperature in °C, o3 in the instrument's unit, day_of_year from 1."""

DAILY_TERMS = (
    "one", "pm", "pm2", "humidity", "temperature", "pm_humidity", "pm_temperature", "winter", "spring", "temperature_winter",
    "temperature_spring", "humidity_winter", "humidity_spring",
)  # fmt: skip
"""Daily means of a counter that may hang anywhere in a region: what the air is made of goes by season and weather."""
HOURLY_TERMS = ("one", "root_pm", "root_pm_before", "humidity", "o3", "temperature")
"""Hourly means of one counter beside its reference: aged afternoon air (ozone) scatters otherwise than the morning's."""
DAILY_RIDGE, HOURLY_RIDGE = 1.0, 5.0


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of the terms; `source` says what they were fitted on."""

    name: str
    version: str
    terms: tuple[str, ...]
    weights: tuple[float, ...]
    source: str = ""

    def apply(self, inputs: Inputs) -> Floats:
        """The corrected value, never below nothing; NaN where an input is."""
        total = np.zeros(len(next(iter(inputs.values()))))
        for name, weight in zip(self.terms, self.weights, strict=True):  # one after the other: no value depends on its neighbours
            total = total + weight * np.asarray(TERMS[name](inputs), np.float64)
        return np.asarray(np.maximum(total, 0.0))


def design(terms: Sequence[str], inputs: Inputs) -> Floats:
    """Terms as columns, shape (n, terms)."""
    return np.stack([np.asarray(TERMS[name](inputs), np.float64) for name in terms], axis=1)


def fit(name: str, version: str, terms: Sequence[str], inputs: Inputs, reference: Floats, ridge: float, source: str = "") -> Model:
    """Weights from readings beside a reference, shape (n,). The first term must be "one". Rows with a NaN are left out."""
    columns = design(terms, inputs)
    good = np.isfinite(columns).all(axis=1) & np.isfinite(reference)
    columns, wanted = columns[good], reference[good]
    centre, spread = columns[:, 1:].mean(axis=0), columns[:, 1:].std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = (columns[:, 1:] - centre) / spread
    normal = scaled.T @ scaled + ridge * np.eye(scaled.shape[1])
    slopes = np.linalg.solve(normal, scaled.T @ (wanted - wanted.mean())) / spread
    return Model(name, version, tuple(terms), (float(wanted.mean() - slopes @ centre), *map(float, slopes)), source)
