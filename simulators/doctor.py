"""`saola doctor`: what is here, what is missing, what stands in for it, and the fix for each.

`ok` is fine, `missing` keeps the profile from running, `optional` is not here and something else does its work.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from city_model.cli import EXIT_FOUND
from simulators import doctor_checks as checks
from simulators.doctor_checks import Finding

_COLOURS = {"ok": "\x1b[32m", "missing": "\x1b[31m", "optional": "\x1b[33m"}


@dataclass(frozen=True, slots=True)
class Questions:
    """What the caller wants to know beyond this machine."""

    data: Path
    port: int
    mqtt: str = ""
    log: str = ""
    profile: str = "embedded"


def examine(questions: Questions) -> list[Finding]:
    """Every finding, in the order of the printed list."""
    found = list(_findings(questions))
    return checks.for_city(found) if questions.profile == "city" else found


def _findings(questions: Questions) -> Iterable[Finding]:
    yield checks.python()
    yield from checks.packages()
    yield checks.time_zones()
    yield checks.clock()
    yield checks.directory(questions.data)
    yield checks.disk(questions.data)
    yield checks.port(questions.port)
    yield checks.mosquitto()
    yield checks.java()
    yield checks.kafka_jars()
    yield checks.influxd()
    yield checks.chromium()
    yield checks.recordings(os.environ.get("SAOLA_DATA", ""))
    if questions.mqtt:
        yield checks.server("MQTT broker", questions.mqtt, {"mqtt": 1883, "mqtts": 8883})
    if questions.log:
        yield checks.server("Kafka", questions.log, {"kafka": 9092, "kafkas": 9093})


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for machines.")
@click.option("--data", type=click.Path(path_type=Path), default=Path(".saola"), show_default=True, help="Directory for logs and stores.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Loopback port the console is to use.")
@click.option("--profile", type=click.Choice(["embedded", "city"]), default="embedded", show_default=True, help="What is to run here.")
@click.option("--mqtt", default="", metavar="URL", help="Also try this broker, e.g. mqtt://127.0.0.1:1883.")
@click.option("--log", default="", metavar="URL", help="Also try this Kafka, e.g. kafka://127.0.0.1:9092.")
def doctor(as_json: bool, data: Path, port: int, profile: str, mqtt: str, log: str) -> None:
    """Say what is installed, reachable and missing, with the fix for each.

    Exit code 0 when the profile can run here (and every server asked about answers), 1 when not.
    """
    findings = examine(Questions(data, port, mqtt, log, profile))
    able = all(finding.state != "missing" for finding in findings)
    if as_json:
        print(json.dumps({"able": able, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False, indent=1))
    else:
        coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        for finding in findings:
            print(_line(finding, coloured))
        print(
            "\n"
            + (
                f"Everything needed is here: saola {'up --city city.toml' if profile == 'city' else 'demo'}"
                if able
                else "Not ready: mend what is marked missing, then run saola doctor again."
            )
        )
    if not able:
        sys.exit(EXIT_FOUND)


def _line(finding: Finding, coloured: bool) -> str:
    word = f"{finding.state:<8}"
    word = f"{_COLOURS[finding.state]}{word}\x1b[0m" if coloured else word
    lines = [f"{word}  {finding.name:<22}  {finding.found}"]
    lines += [f"{'':<34}{label}: {text}" for label, text in (("instead", finding.instead), ("fix", finding.fix)) if text]
    return "\n".join(lines)
