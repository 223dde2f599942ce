"""All bars of a folder laid out like the data sets' own: each set in a folder of its name, whatever the files in it are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from city_model.faults import Rejected
from simulators.series import calibration, faults, loops, nab
from simulators.series.port import Bar

_SETS: tuple[tuple[str, Callable[[Path], Iterator[Bar]]], ...] = (
    ("nab", nab.bars),
    ("sensor_faults", faults.bars),
    ("purpleair_colocation", calibration.purpleair),
    ("sensortoolkit_pm", calibration.toco),
    ("metr_la_week", loops.bars),
)


def score(folder: Path, say: Callable[[str], None]) -> list[Bar]:
    """Every bar of the sets that are there; `say` hears of those that are not. Raises Rejected where there is none."""
    scored: list[Bar] = []
    for name, bars in _SETS:
        if not (folder / name).is_dir():
            say(f"{name}: not in {folder}, left out")
            continue
        found = list(bars(folder / name))
        if not found:
            say(f"{name}: nothing in it to score")
        scored += found
    if not scored:
        raise Rejected("no_data", f"{folder}: none of {', '.join(name for name, _ in _SETS)} is there")
    return scored


def lines(scored: list[Bar]) -> Iterator[str]:
    """The table for people."""
    yield f"{'bar':42} {'measured':>9} {'goal':>6} {'least':>6}  {'verdict':8} on"
    for bar in scored:
        yield f"{bar.name:42} {bar.value:9.3f} {bar.goal:6g} {bar.minimum:6g}  {bar.verdict:8} {bar.count} {bar.counted}, {bar.unit}"
