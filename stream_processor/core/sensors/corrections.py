"""Which station's PM2.5 is corrected by which model, and the corrected means of hours and days.

A device says it in the registry, `correction = "kappa_koehler/1"`: what stands there is a low-cost optical counter. A device that says
nothing, a reference instrument, is never touched. Two models come with Saola; `[[corrections.model]]` of `core.toml` adds those of one's
own, fitted beside a reference by `correction.fit`.

A model takes means over its own span, an hour or a day, and what it needs besides the particles must be there for that same span: without
humidity there is no corrected value, and the raw one does not stand in for it.

>>> table = Corrections.of(City("T", "T", device=(Device("air-1", "s", correction="kappa_koehler/1"),)), CorrectionSettings())
>>> table.hourly(["air-1"], np.array([0]), {"pm": np.array([40.0]), "humidity": np.array([90.0])}).round(2).tolist()
[15.17]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from city_model.faults import ConfigError, Problem
from city_model.registry import City, Device
from city_model.settings import matching
from stream_processor.core.sensors import humid_growth
from stream_processor.core.sensors.correction import TERMS, Floats, Model
from stream_processor.core.sensors.port import Rows
from stream_processor.core.sensors.shipped import DAILY

INPUTS = {"pm": "pm25", "humidity": "humidity", "temperature": "temperature", "o3": "o3"}
"""What a model calls it → the quantity. `pm_before` (the hour before) and `day_of_year` are worked out."""
QUANTITIES = tuple(INPUTS.values())
Span = Literal["hour", "day"]


@dataclass(frozen=True, slots=True)
class OwnModel:
    """A model of one's own: `weights` of `terms` (see `correction.TERMS`), for means over `span`; `source`: what it was fitted on."""

    terms: tuple[str, ...]
    weights: tuple[float, ...]
    name: str = matching(r"[a-z][a-z0-9_]{0,40}", "lower-case letters, digits and '_'")
    version: str = matching(r"[a-z0-9.]{1,20}", "1 to 20 lower-case letters, digits and '.'")
    span: Span = "hour"
    source: str = ""

    def check(self) -> Iterator[tuple[str, str, str]]:
        """Terms must exist and have a weight each."""
        if unknown := sorted(set(self.terms) - TERMS.keys()):
            yield "terms", ", ".join(unknown), "some of " + ", ".join(TERMS)
        if len(self.terms) != len(self.weights) or not self.terms:
            yield "weights", f"{len(self.weights)} of them for {len(self.terms)} terms", "one for each term"
        if self.span == "day" and "root_pm_before" in self.terms:
            yield "terms", "root_pm_before over days", "span 'hour' for what looks an hour back"


@dataclass(frozen=True, slots=True)
class CorrectionSettings:
    """`model` adds models to the shipped ones."""

    model: tuple[OwnModel, ...] = ()

    def check(self) -> Iterator[tuple[str, str, str]]:
        """No two models of one name and version."""
        keys = [*_SHIPPED, *(f"{one.name}/{one.version}" for one in self.model)]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            yield "model", ", ".join(twice) + " stands twice", "a name and version of its own"


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A model with the span of its means. Without `linear` it is the law of `humid_growth`."""

    key: str
    span: Span
    linear: Model | None = None

    @property
    def looks_back(self) -> bool:
        """Whether it needs the hour before."""
        return self.linear is not None and "root_pm_before" in self.linear.terms

    def apply(self, inputs: Mapping[str, Floats]) -> Floats:
        """Corrected means in ug/m3, shape (n,); NaN where an input is."""
        if self.linear is None:
            return humid_growth.dry_mass(inputs["pm"], inputs["humidity"])
        return self.linear.apply(inputs)


_SHIPPED = {
    f"{humid_growth.NAME}/{humid_growth.VERSION}": LiveModel(f"{humid_growth.NAME}/{humid_growth.VERSION}", "hour"),
    f"{DAILY.name}/{DAILY.version}": LiveModel(f"{DAILY.name}/{DAILY.version}", "day", DAILY),
}


@dataclass(frozen=True, slots=True)
class Corrections:
    """The corrected stations of a city: device → model."""

    of_device: Mapping[str, LiveModel] = field(default_factory=dict)

    @classmethod
    def of(cls, city: City, settings: CorrectionSettings) -> Corrections:
        """Raises ConfigError for every device whose model nobody knows."""
        models = dict(_SHIPPED)
        for own in settings.model:
            key = f"{own.name}/{own.version}"
            models[key] = LiveModel(key, own.span, Model(own.name, own.version, own.terms, own.weights, own.source))
        named = [device for device in city.device if device.correction]
        if problems := [_unknown(city, device, models) for device in named if device.correction not in models]:
            raise ConfigError(problems)
        return cls({device.id: models[device.correction] for device in named})

    def devices(self, span: Span) -> frozenset[str]:
        """Those whose model takes means over `span`."""
        return frozenset(device for device, model in self.of_device.items() if model.span == span)

    def hourly(self, stations: Sequence[str], rows: Rows, inputs: Mapping[str, Floats]) -> Floats:
        """Corrected hourly means, shape (n,) as the inputs; `rows` says whose each is. NaN for a station without a model of hours."""
        return self._apply("hour", stations, rows, inputs)

    def daily(self, stations: Sequence[str], rows: Rows, inputs: Mapping[str, Floats]) -> Floats:
        """The same for means of days."""
        return self._apply("day", stations, rows, inputs)

    def _apply(self, span: Span, stations: Sequence[str], rows: Rows, inputs: Mapping[str, Floats]) -> Floats:
        out = np.full(len(rows), np.nan)
        of_row = [self.of_device.get(stations[row]) for row in rows.tolist()]
        for model in dict.fromkeys(model for model in of_row if model is not None and model.span == span):
            at = np.array([k for k, one in enumerate(of_row) if one is model], np.intp)
            out[at] = model.apply({name: values[at] for name, values in inputs.items()})
        return out


@runtime_checkable
class NeedsCorrections(Protocol):
    """A detector or derivation that corrected values may be for. Told once, before anything else."""

    def correct_by(self, corrections: Corrections) -> None: ...


def _unknown(city: City, device: Device, models: Mapping[str, LiveModel]) -> Problem:
    return Problem(str(city.path or "city.toml"), f"device.{device.id}.correction", repr(device.correction), "one of " + ", ".join(models))
