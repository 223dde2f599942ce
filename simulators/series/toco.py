"""Ramphastos Toco exports (one-minute rows under a few lines of head) beside AirNow-Tech's hourly reference, as hourly columns."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from simulators.series.tables import found, number, rows_of, text_of
from stream_processor.core.sensors.correction import Floats

_COMPLETE_MINUTES = 45
_HOUR = timedelta(hours=1)
_COLUMNS = {"pm": "PM2.5", "temperature": "TEMP", "humidity": "RH", "o3": "O3"}


@dataclass(frozen=True, slots=True)
class Hours:
    """Hourly means of one sensor and its reference in ug/m3, oldest first, arrays of shape (n,)."""

    inputs: dict[str, Floats]
    reference: Floats


def hours_beside_reference(folder: Path) -> Iterator[tuple[str, Hours]]:
    """(file name, hours) of every sensor; hours with 45 minutes of readings and a valid reference (QC code 0)."""
    files = found(folder, "*.csv", "*.csv.gz")
    texts = {path: text_of(path) for path in files}
    reference: dict[datetime, float] = {}
    for path in files:
        if texts[path].startswith("Agency,"):
            reference |= _reference(path)
    for path in files:
        if "\nTime," in texts[path].replace("\r", ""):
            hours = _hours(texts[path].replace("\r", ""), reference)
            if len(hours.reference) > 2:
                yield path.name.split(".")[0], hours


def _reference(path: Path) -> dict[datetime, float]:
    return {
        datetime.strptime(f"{row['Date (LST)']} {row['Time (LST)']}", "%m/%d/%Y %H:%M"): number(row["Value"])  # noqa: DTZ007 - local standard time
        for row in rows_of(path)
        if row["Param"].startswith("PM2.5") and row["QC Code"] == "0" and np.isfinite(number(row["Value"]))
    }


def _hours(text: str, reference: dict[datetime, float]) -> Hours:
    rows = list(csv.reader(io.StringIO(text[text.index("\nTime,") + 1 :])))
    at = {name: next(i for i, title in enumerate(rows[0]) if title.startswith(wanted)) for name, wanted in _COLUMNS.items()}
    minutes: dict[datetime, list[list[float]]] = defaultdict(list)
    for row in rows[1:]:
        if len(row) >= len(_COLUMNS):
            moment = datetime.strptime(row[0], "%m/%d/%Y %H:%M")  # noqa: DTZ007 - local standard time
            minutes[moment.replace(minute=0)].append([number(row[i]) for i in at.values()])
    means = {hour: _means(some) for hour, some in minutes.items() if len(some) >= _COMPLETE_MINUTES}
    chosen = [hour for hour in sorted(means) if hour in reference and np.isfinite(means[hour]).all()]
    inputs = {name: np.array([means[hour][i] for hour in chosen]) for i, name in enumerate(_COLUMNS)}
    inputs["pm_before"] = np.array([means.get(hour - _HOUR, means[hour])[0] for hour in chosen])
    return Hours(inputs, np.array([reference[hour] for hour in chosen]))


def _means(minutes: list[list[float]]) -> Floats:
    values = np.array(minutes)
    there = np.isfinite(values)
    return np.where(there.any(axis=0), np.where(there, values, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1), np.nan)
