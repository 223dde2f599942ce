"""`saola score series`: the bars of environmental and traffic series, on a folder of data sets."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click


@click.group()
def score() -> None:
    """How well the core judges what is known: measured figures against their bars."""


@score.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder of data sets, one each.  [default: $SAOLA_DATA, ../shared/data]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array for machines.")
def series(data: Path | None, as_json: bool) -> None:
    """Anomalies, sensor faults, calibration and congestion from loop speeds, on series whose truth is known.

    DATA holds folders nab, sensor_faults, purpleair_colocation, sensortoolkit_pm and metr_la_week; whatever files are in them are taken.
    Sets that are not there are left out.
    """
    from simulators.series.table import lines
    from simulators.series.table import score as scored_in

    folder = data or Path(os.environ.get("SAOLA_DATA") or "../shared/data")
    scored = scored_in(folder, lambda text: print(text, file=sys.stderr, flush=True))
    if as_json:
        print(json.dumps([bar.row() for bar in scored], ensure_ascii=False, indent=2))
        return
    for line in lines(scored):
        print(line)
