"""NAB: one parameter set and one threshold for every file, scored for realTraffic and for all else that is there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from city_model.faults import Rejected
from simulators.series.nab_score import Window, normalised, raw_score
from simulators.series.port import Bar
from simulators.series.tables import columns_of, found, number, seconds, text_of
from stream_processor.core.anomaly import Anomaly, Settings

_TRAFFIC = "realTraffic"


def bars(folder: Path) -> Iterator[Bar]:
    """realTraffic, and the rest."""
    labelled = json.loads(text_of(folder / "combined_windows.json"))
    raw: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
    for path in found(folder, "*.csv"):
        key = f"{path.parent.name}/{path.name}"
        if key in labelled:
            raw[path.parent.name][path.name] = _one(path, labelled[key])
    if _TRAFFIC in raw:
        yield _bar("NAB realTraffic", 92, 85, [(_TRAFFIC, raw[_TRAFFIC])])
    if rest := [(name, files) for name, files in sorted(raw.items()) if name != _TRAFFIC]:
        yield _bar("NAB rest of the corpus", 65, 45, rest)


def _bar(name: str, goal: float, minimum: float, groups: list[tuple[str, dict[str, tuple[float, int]]]]) -> Bar:
    scores = [score for _, files in groups for score in files.values()]
    details = {group: round(normalised(*_sum(list(files.values()))), 1) for group, files in groups if _sum(list(files.values()))[1]}
    return Bar(name, normalised(*_sum(scores)), goal, minimum, "NAB score", len(scores), "files", details=details)


def _sum(scores: list[tuple[float, int]]) -> tuple[float, int]:
    return sum(raw for raw, _ in scores), sum(windows for _, windows in scores)


def _one(path: Path, labels: list[list[str]]) -> tuple[float, int]:
    columns = columns_of(path, ("timestamp", "value"))
    at_s = seconds(columns["timestamp"], path)
    detector = Anomaly(Settings())
    told = [
        row for row, (at, text) in enumerate(zip(at_s.tolist(), columns["value"], strict=True)) if detector.take(at * 1000, number(text))[1]
    ]
    windows: list[Window] = []
    for first, last in labels:
        start, end = seconds([first, last], path)
        inside = np.flatnonzero((at_s >= start) & (at_s <= end))
        if not len(inside):
            raise Rejected("no_rows", f"{path}: no rows in the window {first} to {last}")
        windows.append((int(inside[0]), int(inside[-1])))
    return raw_score(told, len(at_s), windows), len(windows)
