"""`saola camera score`: how well the camera analytics see what is known about a folder of clips."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import click

from city_model.faults import Unavailable
from simulators.cameras import suites
from simulators.cameras.suites.port import Play, Row, Suite, SuiteReport

SEED = 20
_NOT_A_SUITE = "port"


def suite_names() -> list[str]:
    """Suites by their file names, words joined by hyphens, as --suite takes them."""
    found = (module.name for module in pkgutil.iter_modules(suites.__path__))
    return sorted(name.replace("_", "-") for name in found if name != _NOT_A_SUITE)


def load_suite(name: str) -> Suite:
    """The module of suite `name`."""
    return cast("Suite", importlib.import_module(f"{suites.__name__}.{name.replace('-', '_')}"))


def default_data() -> Path:
    """The clips of $SAOLA_DATA, or of ../shared/data."""
    return Path(os.environ.get("SAOLA_DATA") or "../shared/data") / "cameras"


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder with ground_truth.json.  [default: $SAOLA_DATA/cameras, ../shared/data/cameras]"
)
@click.option(
    "--suite", "chosen", type=click.Choice(suite_names()), multiple=True, help="Score only this; may be given again.  [default: all]"
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Where rendered and injected cases come from.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for machines.")
def score(data: Path | None, chosen: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Play a folder of clips with known truth and say how well they are seen.

    Every suite prints its table, then its totals with the bar each has to reach.
    """
    folder = default_data() if data is None else data
    if not (folder / "ground_truth.json").is_file():
        raise Unavailable(f"{folder}: no ground_truth.json there; name a folder with --data or SAOLA_DATA")
    play = Play(folder, seed, _say)
    reports, unavailable = [], {}
    for name in chosen or suite_names():
        try:
            report = load_suite(name).run(play)
        except Unavailable as err:
            if chosen:
                raise
            unavailable[name] = str(err)
            continue
        reports.append(report)
        if not as_json:
            click.echo("\n".join(_lines(report)))
    if as_json:
        click.echo(json.dumps(_plain(folder, reports, unavailable), ensure_ascii=False))
    for name, why in unavailable.items():
        click.echo(f"{name}: not scored: {why}", err=True)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}\r", err=True, nl=False)


def _lines(report: SuiteReport) -> Iterable[str]:
    yield f"== {report.suite}"
    yield from _table(report.rows)
    for figure in report.figures:
        bars = [f"{word} {bar:g}" for word, bar in (("goal", figure.goal), ("minimum", figure.minimum)) if bar is not None]
        told = f"  ({', '.join(bars)}: {figure.verdict})" if bars else ""
        yield f"{figure.name:<34} {figure.value:.4g}{told}"
    yield ""


def _table(rows: tuple[Row, ...]) -> Iterable[str]:
    if not rows:
        return
    cells = [[*rows[0]], *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(folder: Path, reports: list[SuiteReport], unavailable: dict[str, str]) -> dict[str, object]:
    told = {
        report.suite: {
            "figures": {
                f.name: {"value": f.value, "goal": f.goal, "minimum": f.minimum, "better": f.better, "verdict": f.verdict}
                for f in report.figures
            },
            "rows": report.rows,
        }
        for report in reports
    }
    return {"data": str(folder), "suites": told, "not_scored": unavailable}
