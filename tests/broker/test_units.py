"""systemd units: hardened, known commands and options, and nothing secret on a command line."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from city_model.cli import saola
from tests.house.tree import ROOT

UNITS = sorted((ROOT / "broker_config" / "systemd").glob("*.service"))
_EXPOSURE_AT_MOST = 2.0


def lines(unit: Path, key: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.read_text(encoding="utf-8").splitlines() if line.startswith(f"{key}=")]


def test_edge_and_server_are_here() -> None:
    assert {"saola-edge", "saola-bridge", "saola-stream@", "saola-sink", "saola-console"} <= {unit.stem for unit in UNITS}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_a_unit_starts_is_a_command_with_options_it_has(unit: Path) -> None:
    (start,) = lines(unit, "ExecStart")
    program, name, *arguments = start.split()
    assert program == "/opt/saola/bin/saola"
    command = saola.get_command(click.Context(saola), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    given = [word for word in arguments if word.startswith("--")]
    assert set(given) <= known
    assert {parameter.opts[0] for parameter in command.params if parameter.required} <= set(given)
    assert not re.search(r"password|token|secret", start)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_nobody_special_and_comes_back(unit: Path) -> None:
    assert lines(unit, "User") == ["saola"]
    assert lines(unit, "NoNewPrivileges") == ["yes"]
    assert lines(unit, "CapabilityBoundingSet") == [""]
    assert lines(unit, "ProtectSystem") == ["strict"]
    assert lines(unit, "Restart") == ["always"]
    assert lines(unit, "MemoryMax")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_it_little_exposed(unit: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", str(unit)], capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level.*: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"systemd-analyze cannot judge offline: {done.stderr.strip()[:200]}")
    assert float(found.group(1)) <= _EXPOSURE_AT_MOST
