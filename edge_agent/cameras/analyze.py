"""`saola camera analyze`: everything the vision core sees in a clip, as JSON lines."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from city_model.child import Child, ChildDied
from city_model.faults import Unavailable
from edge_agent.sources.camera import ENV, how_it_died
from stream_processor.core.vision.geometry import load_geometry

Line = dict[str, Any]


@click.command()
@click.argument("clip", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--camera", type=click.Path(path_type=Path), help="CAMERA.toml: lines, directions, lanes, calibration, masks.")
@click.option("--passes", type=click.IntRange(1, 1000), default=1, show_default=True, help="Play it so often, without a pause.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the lines here and a summary to standard output.")
@click.option("--fps", type=click.FloatRange(0.1, 240), help="Frames per second, where the clip says it wrongly.")
@click.option(
    "--sample-every", "sample_every_s", type=click.FloatRange(1, 300), default=5.0, show_default=True, help="Seconds per traffic sample."
)
def analyze(clip: Path, camera: Path | None, passes: int, out: Path | None, fps: float | None, sample_every_s: float) -> None:
    """Analyse a clip: crossings, samples, congestion states and events as JSON lines.

    Without --camera the whole picture is one road of unknown scale, and nothing is counted: counting needs a line.
    """
    load_geometry(camera)  # tell what is wrong with it before anything runs
    argument = {
        "clip": str(clip), "camera": str(camera) if camera else "", "passes": passes, "fps": fps, "sample_every_s": sample_every_s,
    }  # fmt: skip
    counted: Counter[tuple[str, ...]] = Counter()
    with click.open_file(str(out) if out else "-", "w", encoding="utf-8") as stream, Bar() as bar:

        def take(line: Line) -> None:
            counted[_place(line)] += 1
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")

        frames = asyncio.run(listen("edge_agent.cameras.play:run", argument, take, bar.show))
    _summary(counted, frames, err=out is None)


async def listen(target: str, argument: dict[str, Any], take: Callable[[Line], None], show: Callable[[int, int], None]) -> int:
    """Run the child `target` to its end; returns the number of frames. Raises Unavailable when the clip cannot be read."""
    child = Child(target, argument, env=ENV)
    await child.start()
    frames = 0
    try:
        while True:
            kind, *rest = await child.receive()
            if kind == "progress":
                frames = rest[0]
                show(rest[0], rest[1])
            elif kind == "lines":
                for line in rest[0]:
                    take(line)
            elif kind == "fault":
                raise Unavailable(f"{argument['clip']}: {rest[0]}")
            else:
                return int(rest[0])
    except ChildDied as err:
        raise Unavailable(f"{argument['clip']}: {how_it_died(err)} after frame {frames} or later") from err
    finally:
        await child.stop()


class Bar:
    """A progress bar on a terminal's standard error, nothing elsewhere."""

    def __enter__(self) -> Bar:
        self._bar: Any = None
        return self

    def show(self, done: int, of: int) -> None:
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = click.progressbar(length=max(of, 1), label="frames", file=sys.stderr, show_pos=True)
            self._bar.__enter__()
        self._bar.length = max(of, done)
        self._bar.update(done - self._bar.pos)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()


def _place(line: Line) -> tuple[str, ...]:
    if line["kind"] == "crossing":
        return ("crossings", line["direction"], f"pass {line['pass']}", line["class"])
    if line["kind"] == "event":
        return ("events", line["direction"] or "camera", line["event"], line["phase"])
    return (f"{line['kind']}s", line["direction"])


def _summary(counted: Counter[tuple[str, ...]], frames: int, *, err: bool) -> None:
    click.echo(f"{frames} frames", err=err)
    for place, count in sorted(counted.items()):
        click.echo(f"  {' · '.join(place)}: {count}", err=err)
