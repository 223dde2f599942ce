"""Congestion from loop speeds. Truth by definition: below 60 % of a sensor's free flow, the 85th percentile of all its speeds in the file,
for a quarter of an hour (three five-minute readings). The detector learns free flow while it goes and sees each reading once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from city_model.faults import Rejected
from simulators.series.port import Bar
from simulators.series.tables import found, text_of
from stream_processor.core.detectors.loop_congestion import Settings, make

_SAMPLE_MS = 300_000
_LEAST = 3
Span = tuple[int, int]
"""First row and the row after the last."""


def bars(folder: Path) -> Iterator[Bar]:
    """Recall, precision and delay over every `*speed*` file."""
    truth: list[list[Span]] = []
    alarms: list[list[Span]] = []
    for path in found(folder, "*speed*.csv", "*speed*.csv.gz"):
        speeds = _speeds(path)
        truth += [episodes(column) for column in speeds.T]
        alarms += _alarms(speeds)
    count = sum(map(len, truth))
    if not count:
        return
    delays = [delay for of, found_ in zip(truth, alarms, strict=True) for span in of if (delay := _delay(span, found_)) is not None]
    right = sum(any(_meet(alarm, span) for span in of) for of, found_ in zip(truth, alarms, strict=True) for alarm in found_)
    told = sum(map(len, alarms))
    yield Bar("loops: recall", len(delays) / count, 0.98, 0.95, "share", count, "episodes")
    yield Bar("loops: precision", right / told if told else 0.0, 0.95, 0.90, "share", told, "alarms")
    median = float(np.median(delays)) if delays else float("inf")
    details = {"mean": round(float(np.mean(delays)), 2), "p95": float(np.percentile(delays, 95))} if delays else {}
    yield Bar("loops: median delay", median, 2, 3, "readings", len(delays), "episodes", lower=True, details=details)


def episodes(speeds: NDArray[np.float64]) -> list[Span]:
    """Spans below 60 % of the 85th percentile, of three readings and more."""
    slow = np.concatenate(([False], speeds < 0.6 * np.percentile(speeds, 85), [False]))
    edges = np.flatnonzero(slow[1:] != slow[:-1])
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= _LEAST]


def _alarms(speeds: NDArray[np.float64]) -> list[list[Span]]:
    detector = make(Settings())
    spans: list[list[Span]] = []
    for station, column in enumerate(speeds.T):
        opened: int | None = None
        spans.append([])
        for row, speed in enumerate(column.tolist()):
            for verdict in detector.take(str(station), (row + 1) * _SAMPLE_MS, speed):
                if verdict.kind == "onset":
                    opened = row
                elif verdict.kind == "clear" and opened is not None:
                    spans[-1].append((opened, row - Settings().clear_readings + 1))
                    opened = None
        if opened is not None:
            spans[-1].append((opened, len(column)))
    return spans


def _meet(alarm: Span, span: Span) -> bool:
    return alarm[0] <= span[1] and alarm[1] > span[0]


def _delay(span: Span, alarms: list[Span]) -> int | None:
    """Readings from the third slow one to the alarm; None where nothing was told."""
    met = [alarm for alarm in alarms if _meet(alarm, span)]
    return max(0, met[0][0] - (span[0] + _LEAST - 1)) if met else None


def _speeds(path: Path) -> NDArray[np.float64]:
    try:
        return np.array([[float(cell) for cell in line.split(",")] for line in text_of(path).splitlines()[1:] if line])
    except ValueError as err:
        raise Rejected("bad_speed", f"{path}: {err}") from err
