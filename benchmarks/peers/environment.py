"""Virtual environments of the peers, each its own, made when first asked for; and one run of one contender as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent


@dataclass(frozen=True, slots=True)
class Contender:
    """`packages` are installed into an environment of that name; none: the one that runs this. `command` follows the interpreter, with the
    input in place of FILE."""

    name: str
    command: tuple[str, ...]
    packages: tuple[str, ...] = ()


def peer(name: str, script: str, *arguments: str, packages: tuple[str, ...] = ()) -> Contender:
    """A script of this folder."""
    return Contender(name, (str(_HERE / script), "FILE", *arguments), packages)


def ours(name: str, dialect: str, kernel: str, *arguments: str) -> Contender:
    """Our core, configured."""
    return Contender(name, ("-m", "benchmarks.core_ours", "FILE", dialect, kernel, *arguments))


def interpreter(contender: Contender, cache: Path) -> str | None:
    """The Python that can run it, or None: it could not be installed, and what pip said stands in `<name>.log`."""
    if not contender.packages:
        return sys.executable
    folder = cache / contender.packages[0]
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "-q", *contender.packages], capture_output=True, text=True, check=False
        )  # fmt: skip
        (cache / f"{contender.packages[0]}.log").write_text(done.stderr, encoding="utf-8")
        if done.returncode:
            return None
        ready.touch()
    return str(python)


def run(contender: Contender, python: str, file: Path) -> dict[str, float | str]:
    """What the contender reported: readings, cpu_s, rss_mb, changes, digest."""
    command = [python, *(str(file) if part == "FILE" else part for part in contender.command)]
    single = {name: "1" for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT, env={**os.environ, **single})
    if done.returncode:
        raise SystemExit(f"{contender.name} failed:\n{done.stderr[-2000:]}")
    row: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return row
