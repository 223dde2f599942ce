"""One job, every contender: a million readings of 2,000 sensors, windows, jumps, hysteresis; every output equals the oracle's.

Ours is the project's own core, configured (`benchmarks.core_ours`); peers run in virtual environments of their own, as processes, in
interleaved rounds. Rates are readings per CPU-second, medians; ratios are taken within a round, so a busy machine disturbs them less.
Run: python -m benchmarks.core [--json] [--rounds 5] [--readings 1000000] [--only uniform,packed] [--cache DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.peers import inputs
from benchmarks.peers.environment import Contender, interpreter, ours, peer, run

REFERENCE = "dict + orjson"
_ORJSON = ("orjson", "msgspec")
_REFERENCE = peer(REFERENCE, "dicts.py", "orjson", packages=_ORJSON)
_JSON = (ours("ours, numpy", "lines", "numpy"), ours("ours, compiled", "lines", "compiled"))
SUITES: dict[str, tuple[Contender, ...]] = {
    "uniform": (
        _REFERENCE, *_JSON,
        peer("dict + msgspec", "dicts.py", "msgspec", packages=_ORJSON),
        peer("scalar oracle", "oracle.py"),
        peer("bytewax", "bytewax_job.py", packages=("bytewax", "orjson")),
        peer("river", "river_job.py", packages=("river", "orjson")),
        peer("polars", "polars_job.py", packages=("polars",)),
        peer("quixstreams", "quixstreams_job.py", packages=("quixstreams",)),
    ),
    "backfill": _JSON,
    "hot": _JSON,
    "batches of 200": (ours("ours, numpy", "lines", "numpy", "200"), ours("ours, compiled", "lines", "compiled", "200")),
    "wide": _JSON,
    "packed": (ours("ours, numpy", "packed", "numpy"), ours("ours, compiled", "packed", "compiled")),
    "senml1": (ours("ours, numpy", "senml", "numpy"), ours("ours, compiled", "senml", "compiled")),
    "senml4": (ours("ours, numpy", "senml", "numpy"), ours("ours, compiled", "senml", "compiled")),
}  # fmt: skip
"""Input → contenders. Every round begins with the reference on the uniform input."""


def measure(suites: list[str], rounds: int, readings: int, cache: Path) -> dict[str, object]:
    """Rates, ratios to the reference and peak RSS of every contender on every input; who could not be installed."""
    files = inputs.made(cache / "inputs", readings)
    run(ours("ours, compiled", "lines", "compiled"), sys.executable, Path(os.devnull))  # compiled once, as an installation has it
    rates: dict[str, list[float]] = defaultdict(list)
    ratios: dict[str, list[float]] = defaultdict(list)
    rss: dict[str, float] = {}
    missing: set[str] = set()
    for number in range(rounds):
        reference = 0.0
        for suite in ["uniform", *(name for name in suites if name != "uniform")]:
            file, digest = files["uniform" if suite.startswith("batches") else suite]
            for contender in SUITES[suite] if suite in suites else (_REFERENCE,):
                python = interpreter(contender, cache)
                if python is None:
                    missing.add(contender.name)
                    continue
                row = run(contender, python, file)
                if row["digest"] != digest:
                    raise SystemExit(f"{contender.name} on {suite}: the output is not the oracle's")
                rate = float(row["readings"]) / float(row["cpu_s"])
                reference = rate if contender is _REFERENCE else reference
                key = f"{suite}: {contender.name}"
                rates[key].append(rate)
                ratios[key].append(rate / reference)
                rss[key] = max(rss.get(key, 0.0), float(row["rss_mb"]))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    median = statistics.median
    table = {
        key: {"readings_per_cpu_s": round(median(rates[key])), "x_reference": round(median(ratios[key]), 2), "rss_mb": rss[key]}
        for key in rates
    }
    return {"readings": readings, "rounds": rounds, "table": table, "not_installed": sorted(missing), "machine": machine()}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--only", default=",".join(SUITES), help="inputs, separated by commas")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "saola-peers", help="environments and inputs are kept here")
    told = parser.parse_args()
    if unknown := sorted(set(told.only.split(",")) - set(SUITES)):
        parser.error(f"no such input: {', '.join(unknown)} ({', '.join(SUITES)})")
    result = measure(told.only.split(","), told.rounds, told.readings, told.cache)
    if told.json:
        print(json.dumps(result))
        return
    print(f"{result['readings']} readings, {result['rounds']} rounds, {result['machine']}\n")
    print(f"{'input: contender':34} {'readings/CPU-s':>15} {'x reference':>12} {'peak MB':>8}")
    table = result["table"]
    assert isinstance(table, dict)
    for name, row in table.items():
        print(f"{name:34} {row['readings_per_cpu_s']:15,} {row['x_reference']:12.2f} {row['rss_mb']:8.0f}")
    for name in result["not_installed"] if isinstance(result["not_installed"], list) else []:
        print(f"{name}: could not be installed here")


if __name__ == "__main__":
    main()
