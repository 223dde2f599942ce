"""`saola camera draw`: what the vision core sees, drawn into the picture."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from edge_agent.cameras.analyze import Bar, listen
from stream_processor.core.vision.geometry import load_geometry


@click.command()
@click.argument("clip", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--camera", type=click.Path(path_type=Path), help="CAMERA.toml: lines, directions, lanes, calibration, masks.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="OUT.png or OUT.mp4.  [default: the clip's name with .png, here]")
@click.option("--passes", type=click.IntRange(1, 100), default=2, show_default=True, help="Draw the last of so many passes.")
@click.option("--fps", type=click.FloatRange(0.1, 240), help="Frames per second, where the clip says it wrongly.")
def draw(clip: Path, camera: Path | None, out: Path | None, passes: int, fps: float | None) -> None:
    """Draw lines, crossings, covered and standing road, masks, states and events.

    OUT.mp4 is the whole pass. OUT.png is its fullest moment with every crossing and event of the pass, and under it each line over time
    (left to right): a vehicle is a streak, every mark on it one that was counted.
    """
    load_geometry(camera)
    target = out or Path(clip.with_suffix(".png").name)
    if target.suffix not in (".png", ".mp4"):
        raise click.BadParameter(f"{target.name} is neither .png nor .mp4", param_hint="--out")
    argument = {
        "clip": str(clip), "camera": str(camera) if camera else "", "passes": passes, "fps": fps, "out": str(target.resolve()),
    }  # fmt: skip
    with Bar() as bar:
        asyncio.run(listen("edge_agent.cameras.drawing:run", argument, lambda _: None, bar.show))
    click.echo(target)
