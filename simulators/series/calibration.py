"""Low-cost particle counters beside reference instruments: what is left of the error after correction, on sensors or weeks never fitted.

PurpleAir: every sensor is predicted by a model fitted on the others; where the shipped model knows more sensors than the folder has and not
this one, by the shipped model. Toco: each sensor's first half beside its reference fits its model, the second half is predicted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulators.series.port import Bar
from simulators.series.tables import found, number, rows_of
from simulators.series.toco import Hours, hours_beside_reference
from stream_processor.core.sensors.correction import DAILY_RIDGE, DAILY_TERMS, HOURLY_RIDGE, HOURLY_TERMS, Floats, Model, fit
from stream_processor.core.sensors.shipped import DAILY, DAILY_SENSORS


def purpleair(folder: Path) -> Iterator[Bar]:
    """Root mean square error of daily means, over all sensor-days."""
    rows = [row for path in found(folder, "*.csv", "*.csv.gz") for row in rows_of(path) if row.get("conc")]
    if not rows:
        return
    sensor = np.array([row["sensor_index"] for row in rows])
    reference = np.array([number(row["conc"]) for row in rows])
    raw = np.array([number(row["A_B_Avg"]) for row in rows])
    inputs = _daily_inputs(rows)
    corrected = np.full(len(rows), np.nan)
    for one in sorted(set(sensor.tolist())):
        mine = sensor == one
        corrected[mine] = _model_without(one, sensor, inputs, reference).apply(_only(inputs, mine))
    there = np.isfinite(corrected) & np.isfinite(raw) & np.isfinite(reference)
    details: dict[str, object] = {"raw": round(rmse(raw[there], reference[there]), 3)}
    details["sensors"] = {
        one: [round(rmse(some[there & (sensor == one)], reference[there & (sensor == one)]), 2) for some in (raw, corrected)]
        for one in sorted(set(sensor[there].tolist()))
    }
    value = rmse(corrected[there], reference[there])
    yield Bar("calibration: PurpleAir, sensors left out", value, 2.1, 2.3, "ug/m3 RMSE", int(there.sum()), "sensor-days", True, details)


def _daily_inputs(rows: list[dict[str, str]]) -> dict[str, Floats]:
    """Of the two channels the lower: laser counters fail upwards."""
    channels = np.array([[number(row["pm2.5_cf_1_a"]), number(row["pm2.5_cf_1_b"])] for row in rows])
    return {
        "pm": channels.min(axis=1),
        "humidity": np.array([number(row["humidity_a"]) for row in rows]),
        "temperature": np.array([number(row["temp_Celsius"]) for row in rows]),
        "day_of_year": np.array([float(date.fromisoformat(row["DAILY"][:10]).timetuple().tm_yday) for row in rows]),
    }


def _model_without(one: str, sensor: NDArray[np.str_], inputs: dict[str, Floats], reference: Floats) -> Model:
    others = sensor != one
    fits_more = len(set(sensor[others].tolist()) | {one}) > len(DAILY_SENSORS)
    if one not in DAILY_SENSORS and not fits_more:
        return DAILY
    return fit("purpleair_daily", "left out " + one, DAILY_TERMS, _only(inputs, others), reference[others], DAILY_RIDGE)


def _only(inputs: dict[str, Floats], chosen: NDArray[np.bool_]) -> dict[str, Floats]:
    return {name: values[chosen] for name, values in inputs.items()}


def toco(folder: Path) -> Iterator[Bar]:
    """Root mean square error of hourly means in the second half, over all sensors."""
    errors: list[Floats] = []
    details: dict[str, list[float]] = {}
    for name, hours in hours_beside_reference(folder):
        raw, left = _second_half(hours)
        errors.append(left)
        details[name] = [round(float(np.sqrt(np.mean(raw**2))), 3), round(float(np.sqrt(np.mean(left**2))), 3)]
    if errors:
        value = float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
        count = sum(map(len, errors))
        yield Bar("calibration: Toco, second half", value, 1.15, 1.3, "ug/m3 RMSE", count, "hours", True, {"raw, corrected": details})


def _second_half(hours: Hours) -> tuple[Floats, Floats]:
    """Errors (raw, corrected)."""
    half = len(hours.reference) // 2
    terms = HOURLY_TERMS if np.isfinite(hours.inputs["o3"]).any() else tuple(t for t in HOURLY_TERMS if t != "o3")
    first = {name: values[:half] for name, values in hours.inputs.items()}
    second = {name: values[half:] for name, values in hours.inputs.items()}
    model = fit("toco_hourly", "first half", terms, first, hours.reference[:half], HOURLY_RIDGE)
    return second["pm"] - hours.reference[half:], model.apply(second) - hours.reference[half:]


def rmse(value: Floats, truth: Floats) -> float:
    """Root mean square error."""
    return float(np.sqrt(np.mean((value - truth) ** 2)))
