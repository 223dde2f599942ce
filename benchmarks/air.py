"""Air indices per value: ours on a column, python-aqi one value at a time; both rate PM2.5 by EPA's table of 2012, which python-aqi has.

python-aqi is installed from PyPI into a virtual environment of its own, kept in the cache directory, and run as a subprocess. It rounds
halves to the even number, EPA says up: that is the one difference allowed, and counted. Rounds are interleaved, times are process CPU time,
figures are medians. Run: python -m benchmarks.air [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import time
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from stream_processor.core.air import nowcast, us_aqi, vn_aqi

VALUES, THEIRS, ROUNDS = 1_000_000, 4_000, 7
_PEER = "python-aqi==0.6.1"
_SCRIPT = """
import json, sys, time
import aqi
values = json.load(sys.stdin)
before = time.process_time()
out = [aqi.to_iaqi(aqi.POLLUTANT_PM25, value, algo=aqi.ALGO_EPA) for value in values]
print(json.dumps([(time.process_time() - before) / len(values) * 1e9, [int(i) for i in out]]))
"""


def peer_python() -> Path:
    """The interpreter of the peer's environment, made on demand."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "saola-benchmarks" / "python-aqi"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", _PEER], check=True)
    return python


def theirs(python: Path, values: list[str]) -> tuple[float, list[int]]:
    """(ns a value, indices) of python-aqi. Values go in as text, its fastest exact form."""
    done = subprocess.run([python, "-c", _SCRIPT], input=json.dumps(values), capture_output=True, text=True, check=True)
    ns, indices = json.loads(done.stdout)
    return float(ns), [int(index) for index in indices]


def ours(work: Callable[[], object], values: int) -> float:
    """ns a value of `work`."""
    before = time.process_time()
    work()
    return (time.process_time() - before) / values * 1e9


def halves_apart(mine: list[int], peer: list[int]) -> int:
    """How often the peer's even number lies below ours. Raises ValueError for any other difference."""
    apart = [(a, b) for a, b in zip(mine, peer, strict=True) if a != b]
    if any(a - b != 1 or b % 2 for a, b in apart):
        raise ValueError(f"the indices differ by more than halves: {apart[:5]}")
    return len(apart)


def measure() -> dict[str, object]:
    """Medians over interleaved rounds, after checking that both give the same indices."""
    values: NDArray[np.float64] = np.random.default_rng(7).gamma(2, 20, VALUES).round(1)
    some = [f"{value:.1f}" for value in values[:THEIRS]]
    python = peer_python()
    _, indices = theirs(python, some)
    halves = halves_apart(us_aqi.index("pm25_24h", values[:THEIRS], edition="2012").tolist(), indices)
    works: dict[str, Callable[[], object]] = {
        "us_2012": lambda: us_aqi.index("pm25_24h", values, edition="2012"),
        "us_2024": lambda: us_aqi.index("pm25_24h", values),
        "vn_aqi": lambda: vn_aqi.rounded_sub_index("pm25", values),
        "vn_aqi_hourly_with_nowcast": lambda: vn_aqi.hourly({"pm25": values}),
        "nowcast": lambda: nowcast.pm(values),
    }
    peer: list[float] = []
    mine: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        peer.append(theirs(python, some)[0])
        for name, work in works.items():
            mine[name].append(ours(work, VALUES))
    ratios = {name: statistics.median(p / m for p, m in zip(peer, row, strict=True)) for name, row in mine.items()}
    return {
        "values": VALUES,
        "python_aqi_ns": round(statistics.median(peer)),
        **{f"{name}_ns": round(statistics.median(row), 2) for name, row in mine.items()},
        **{f"{name}_times_python_aqi": round(ratio) for name, ratio in ratios.items()},
        "halves_rounded_otherwise": f"{halves} of {THEIRS}",
        "peer": _PEER,
        "machine": machine(),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    result = measure()
    if parser.parse_args().json:
        print(json.dumps(result))
        return
    print(f"air indices, ns a value on a column of {VALUES:,} PM2.5 values")
    for name, value in result.items():
        print(f"  {name:44} {value}")


if __name__ == "__main__":
    main()
