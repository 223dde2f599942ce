"""What the core can be told, `core.toml`. Every field has a default; the detectors' own settings stand in tables named after them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from city_model.faults import ConfigError, Problem
from city_model.registry import City
from city_model.settings import between, from_table, read_toml
from stream_processor.core import derivations, detectors
from stream_processor.core.alarms.settings import AlarmSettings
from stream_processor.core.derivations.port import Derivation
from stream_processor.core.detectors.port import Detector, NeedsPlaces
from stream_processor.core.sensors.corrections import Corrections, CorrectionSettings, NeedsCorrections
from stream_processor.core.sensors.live import SensorSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """Bounds of time, and the detectors that run with their settings objects.

    `lateness_s`: how long a gap is waited for, and how old an item may be to raise a live alarm.
    `future_s`: how far ahead of the last tick an item may be; beyond it is quarantined.
    """

    lateness_s: float = between(0, 86_400, default=120.0)
    future_s: float = between(1, 86_400, default=300.0)
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    sensors: SensorSettings = field(default_factory=SensorSettings)
    corrections: CorrectionSettings = field(default_factory=CorrectionSettings)
    detectors: dict[str, Any] = field(default_factory=dict)
    derivations: dict[str, Any] = field(default_factory=dict)


def load_core_settings(path: Path | None) -> CoreSettings:
    """Read `core.toml` (None: all defaults). Raises ConfigError with all problems."""
    table = read_toml(path) if path else {}
    file = str(path or "core.toml")
    problems: list[Problem] = []
    built = _built("detectors", "detector", dict(detector_modules()), table, file, problems)
    derived = _built("derivations", "derivation", dict(derivation_modules()), table, file, problems)
    try:
        settings = from_table(CoreSettings, table, file)
    except ConfigError as err:
        problems += err.problems
    else:
        problems += _closed_too_early(settings.lateness_s, {"detectors": built, "derivations": derived}, file)
    if problems:
        raise ConfigError(problems)
    return replace(settings, detectors=built, derivations=derived)


def _closed_too_early(lateness_s: float, built: dict[str, dict[str, Any]], file: str) -> Iterator[Problem]:
    """A slot that is closed before its last reading may come would make what is found depend on the order of arrival."""
    for key, some in built.items():
        for name, settings in some.items():
            own_s = getattr(settings, "lateness_s", lateness_s)
            if own_s < lateness_s:
                yield Problem(file, f"{key}.{name}.lateness_s", f"{own_s:g}", f"at least lateness_s ({lateness_s:g})")


def _built(key: str, one: str, known: dict[str, ModuleType], table: dict[str, Any], file: str, problems: list[Problem]) -> dict[str, Any]:
    """The settings objects of every module in `known`, from the tables `[key.<name>]`, which are taken out of `table`."""
    named = table.pop(key, {})
    built: dict[str, Any] = {}
    for name in sorted(named.keys() - known.keys()):
        problems.append(Problem(file, f"{key}.{name}", f"no such {one}", ", ".join(known)))
    for name, module in known.items():
        try:
            built[name] = from_table(module.Settings, named.get(name, {}), file)
        except ConfigError as err:
            problems += [Problem(p.file, f"{key}.{name}.{p.key}", p.found, p.expected) for p in err.problems]
    return built


def make_detectors(settings: CoreSettings, city: City | None = None) -> list[Detector]:
    """One of every detector in the folder, in the order of their names; those that ask for places are told the city.

    Raises ConfigError for a device whose correction nobody knows.
    """
    made: list[Detector] = [
        module.make(settings.detectors[name] if name in settings.detectors else module.Settings()) for name, module in detector_modules()
    ]
    for detector in made:
        if city is not None and isinstance(detector, NeedsPlaces):
            detector.stand_in(city)
    return _told_corrections(made, settings, city)


def make_derivations(settings: CoreSettings, city: City | None = None) -> list[Derivation]:
    """One of every derivation in the folder, in the order of their names. Raises as `make_detectors`."""
    made: list[Derivation] = [
        module.make(settings.derivations[name] if name in settings.derivations else module.Settings())
        for name, module in derivation_modules()
    ]
    return _told_corrections(made, settings, city)


def _told_corrections(made: list[T], settings: CoreSettings, city: City | None) -> list[T]:
    if city is not None:
        corrections = Corrections.of(city, settings.corrections)
        for one in made:
            if isinstance(one, NeedsCorrections):
                one.correct_by(corrections)
    return made


def detector_modules() -> Iterator[tuple[str, ModuleType]]:
    """Every detector of the folder: name and module, in the order of their names."""
    return _modules(detectors)


def derivation_modules() -> Iterator[tuple[str, ModuleType]]:
    """Every derivation of the folder, likewise."""
    return _modules(derivations)


def _modules(folder: ModuleType) -> Iterator[tuple[str, ModuleType]]:
    for found in sorted(pkgutil.iter_modules(folder.__path__), key=lambda m: m.name):
        module = importlib.import_module(f"{folder.__name__}.{found.name}")
        if hasattr(module, "make"):
            yield found.name, module
