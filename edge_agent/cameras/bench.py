"""`saola camera bench`: how many cameras one core of this machine carries at 25 frames a second."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from city_model.faults import Unavailable
from stream_processor.core.vision.geometry import load_geometry

if TYPE_CHECKING:
    from edge_agent.cameras.bench_clips import BenchClip
    from edge_agent.cameras.bench_search import Measured


@click.command()
@click.argument("clips", type=click.Path(path_type=Path, exists=True, dir_okay=False), nargs=-1, metavar="[CLIP]...")
@click.option("--camera", type=click.Path(path_type=Path), help="CAMERA.toml of the clips given.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder with ground_truth.json.  [default: $SAOLA_DATA/cameras]")
@click.option("--for", "seconds", type=click.FloatRange(5, 3600), default=20.0, show_default=True, help="Seconds the answer has to hold.")
@click.option("--core", type=click.IntRange(0), help="Processor core to use.  [default: the last one]")
@click.option("--cameras", type=click.IntRange(1, 1000), help="Try this many and search no further.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a clip.")
def bench(
    clips: tuple[Path, ...], camera: Path | None, data: Path | None, seconds: float, core: int | None, cameras: int | None, as_json: bool
) -> None:
    """How many cameras at 25 frames a second one core carries, decoding included.

    Every camera is a stream that waits for nobody, in a process of its own as in production, all of them on one core. The answer is the
    most of which none drops a frame, 99 of 100 frames are measured within 200 ms, and every figure is the one of an analysis without
    haste. Without a CLIP: 640x360, 1280x720 and 352x288, from the clips of --data. Other load on the machine makes the answer smaller.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise Unavailable("pinning processes to a core needs Linux")
    used = max(os.sched_getaffinity(0)) if core is None else core
    if used not in os.sched_getaffinity(0):
        raise Unavailable(f"core {used} is not among those this process may use: {sorted(os.sched_getaffinity(0))}")
    geometry = load_geometry(camera)
    from edge_agent.cameras.bench_clips import SIZES, clip_of_size, default_folder, given_clip
    from edge_agent.cameras.bench_search import search

    with tempfile.TemporaryDirectory(prefix="saola-bench-") as made:
        folder = Path(made)
        inputs = [given_clip(clip, geometry) for clip in clips] or [clip_of_size(data or default_folder(), s, folder) for s in SIZES]
        for clip in inputs:
            _tell(clip, search(clip, folder, used, seconds, cameras, _say), used, as_json)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _tell(clip: BenchClip, trials: list[Measured], core: int, as_json: bool) -> None:
    answer = trials[-1]
    width, height = clip.size
    if as_json:
        told = {
            "clip": str(clip.path), "note": clip.note, "size": [width, height], "lines": len(clip.geometry.carriageways), "core": core,
            "holds": answer.holds, "full_at": answer.full_at, **dataclasses.asdict(answer),
            "trials": [[t.cameras, t.holds] for t in trials],
        }  # fmt: skip
        click.echo(json.dumps(told))
        return
    where = clip.note or f"{clip.path.parent.name}/{clip.path.name}"
    verdict = f"{answer.cameras} cameras a core" if answer.holds else f"{answer.cameras} cameras do not hold"
    click.echo(f"{width}x{height}, {len(clip.geometry.carriageways)} lines ({where}): {verdict}; {answer.told}")
