"""Labelled sensor faults: every file through the sick-sensor gate as it runs live, point F1 of "some fault is flagged".

Files are named `…_mote=M_sensortype=Q_faulttype=T.csv[.gz]`; the column Q holds the values, `has_fault_type` the truth (0: none).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulators.series.port import Bar
from simulators.series.tables import columns_of, found, number, seconds
from stream_processor.core.sensors.gate import Gate
from stream_processor.core.sensors.port import Fault

_NAME = re.compile(r"(?P<deployment>[^_]+)_mote=(?P<mote>.+?)_sensortype=(?P<quantity>.+?)_faulttype=(?P<fault>[a-z]+)\.csv")
_MACRO = ("random", "malfunction", "drift", "polydrift")


@dataclass(frozen=True, slots=True)
class _File:
    deployment: str
    fault: str
    quantity: str
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    truth: NDArray[np.bool_]


def bars(folder: Path) -> Iterator[Bar]:
    """The macro figure of four kinds, bias, and mixed; each a mean over files."""
    files = [_read(path, match) for path in found(folder, "*.csv", "*.csv.gz") if (match := _NAME.match(path.name))]
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for file, flagged in zip(files, _flagged(files), strict=True):
        scores[file.fault][file.deployment].append(point_f1(flagged, file.truth))
    mean = {fault: float(np.mean([f1 for some in by.values() for f1 in some])) for fault, by in scores.items()}
    details = {
        fault: {"mean": round(mean[fault], 3)} | {name: round(float(np.mean(some)), 3) for name, some in sorted(by.items())}
        for fault, by in sorted(scores.items())
    }
    of_macro = [mean[fault] for fault in _MACRO if fault in mean]
    if of_macro:
        yield Bar("faults: macro of four kinds", float(np.mean(of_macro)), 0.85, 0.80, "point F1", len(files), "files", details=details)
    for fault, goal, minimum in (("bias", 0.50, 0.20), ("mixed", 0.75, 0.60)):
        if fault in mean:
            yield Bar(f"faults: {fault}", mean[fault], goal, minimum, "point F1", sum(map(len, scores[fault].values())), "files")


def _read(path: Path, match: re.Match[str]) -> _File:
    quantity = match["quantity"]
    columns = columns_of(path, ("timestamp", "has_fault_type", quantity))
    value = np.array([number(text) for text in columns[quantity]])
    truth = np.array([text.strip() not in {"", "0"} for text in columns["has_fault_type"]])
    there = np.isfinite(value)
    return _File(
        match["deployment"], match["fault"], quantity, (seconds(columns["timestamp"], path) * 1000)[there], value[there], truth[there]
    )


def _flagged(files: list[_File]) -> Iterator[NDArray[np.bool_]]:
    """All files side by side through one gate, each a sensor of its own."""
    if not files:
        return
    gate = Gate()
    lengths = [len(file.value) for file in files]
    rows = np.repeat([gate.memory.row(f"sensor-{i}", file.quantity) for i, file in enumerate(files)], lengths)
    bits = gate.judge(rows, np.concatenate([f.at_ms for f in files]), np.concatenate([f.value for f in files]))
    for part in np.split(bits, np.cumsum(lengths)[:-1]):
        yield np.asarray((part & ~np.uint16(Fault.FOG)) != 0)


def point_f1(flagged: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """2 · hits / (flagged + true); 1 where there is nothing to find and nothing was found."""
    total = int(flagged.sum() + truth.sum())
    return 2.0 * int((flagged & truth).sum()) / total if total else 1.0
