"""Counting vehicles at lines beside MOG2 + norfair: the same clips, twice without a pause, by the same rules, in one run.

The peer runs in a virtual environment of its own (norfair needs numpy below 2), made on first use in the cache directory; it and ours take
turns, clip by clip, each in a process of its own. Milliseconds are processor time a frame, decoding included; ours are those of everything
a camera measures, and of the counting lines with their decoding alone.

Run: python -m benchmarks.vision [--data DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from city_model.faults import Unavailable
from simulators.cameras.matching import LineScore, total
from simulators.cameras.score import default_data
from simulators.cameras.suites.counts import PASSES, count, judge
from simulators.cameras.truth import TrueClip, read_truth

PEER = Path(__file__).parent / "peers" / "mog2_norfair.py"
PACKAGES = ("norfair==2.3.0", "numpy<2", "opencv-python-headless<4.12")
OURS, WHOLE, THEIRS = "saola, counting lines", "saola, whole camera", "MOG2 + norfair"


def peer_python() -> Path:
    """The interpreter of the peer's environment, made where there is none. Raises Unavailable when its packages cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "saola" / "bench-norfair"
    python = cache / "bin" / "python"
    if not (cache / "ready").exists():
        venv.create(cache, with_pip=True, clear=True)
        done = subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{' '.join(PACKAGES)}: {done.stderr.strip().splitlines()[-1]}")
        (cache / "ready").touch()
    return python


def plan_of(clip: TrueClip) -> dict[str, Any]:
    """What a script that counts needs to know."""
    lines = {one.name: {"line": list(one.line), "direction_vector": list(one.direction_vector)} for one in clip.lines}
    return {"clip": str(clip.path), "fps": clip.fps, "passes": PASSES, "lines": lines}


def theirs(python: Path, clip: TrueClip) -> dict[str, Any]:
    """The peer's crossings and milliseconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plan_of(clip), file)
        file.flush()
        done = subprocess.run([python, PEER, file.name], capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def ours(data: Path, clip: TrueClip, how: str) -> dict[str, Any]:
    """Our crossings and milliseconds, measured in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.vision", "--data", str(data), "--only", clip.name, "--how", how]
    told: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    return told


def one(data: Path, name: str, how: str) -> dict[str, Any]:
    """This process' own measurement of one clip."""
    clip = next(clip for clip in read_truth(data).clips if clip.name == name)
    played = count(clip, lines_only=how == OURS)
    return {"passes": played.passes, "ms": played.ms}


def measure(data: Path) -> dict[str, Any]:
    """All clips, the contestants taking turns."""
    python = peer_python()
    scores: dict[str, list[LineScore]] = {OURS: [], WHOLE: [], THEIRS: []}
    times: dict[str, list[float]] = {OURS: [], WHOLE: [], THEIRS: []}
    for clip in read_truth(data).clips:
        for who in scores:
            told = theirs(python, clip) if who == THEIRS else ours(data, clip, who)
            times[who].append(told["ms"])
            scores[who] += [judge(clip, line, told["passes"][-1][line.name]) for line in clip.lines]
    return {"data": str(data), "machine": machine(), "contestants": {who: _figures(scores[who], times[who]) for who in scores}}


def _figures(scores: list[LineScore], times: list[float]) -> dict[str, float]:
    all_lines = total(scores)
    return {
        "count_accuracy": round(all_lines.accuracy, 4), "f1": round(all_lines.f1, 4), "exact_lines": all_lines.exact,
        "lines": all_lines.lines, "events": all_lines.events, "ms_per_frame": round(sum(times) / len(times), 3),
    }  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--how", default=OURS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(one(arguments.data, arguments.only, arguments.how)))
        return
    result = measure(arguments.data)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{result['data']}, every clip twice, second pass scored; {result['machine']}")
    for who, figures in result["contestants"].items():
        print(f"  {who:24}" + "  ".join(f"{name} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
