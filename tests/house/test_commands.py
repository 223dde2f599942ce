"""Every entry point loads, every command explains itself, and the page of commands says the same."""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points

import click
import pytest
from click.testing import CliRunner

from city_model.cli import saola
from tests.house import cli_page
from tests.house.pages import pages
from tests.house.tree import ROOT

_DECLARED: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][
    "saola.commands"
]


def every(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            if (below := command.get_command(click.Context(command), name)) is not None:
                yield from every(below, (*path, name))


def test_what_is_declared_is_installed() -> None:
    assert {point.name: point.value for point in entry_points(group="saola.commands")} == _DECLARED


@pytest.mark.parametrize("name", sorted(_DECLARED))
def test_a_command_and_all_below_it_explain_themselves(name: str) -> None:
    (point,) = entry_points(group="saola.commands", name=name)
    for path, command in every(point.load(), (name,)):
        done = CliRunner().invoke(saola, [*path, "--help"])
        assert done.exit_code == 0, done.output
        assert command.help, path
        options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden and p.name != "help"]
        assert [p.opts for p in options if not p.help] == [], path


def test_no_option_takes_a_secret() -> None:
    for name, top in cli_page.commands().items():
        for path, command in every(top, (name,)):
            for parameter in command.params:
                assert not {"password", "secret", "token"} & set((parameter.name or "").split("_")), path


def test_importing_the_command_imports_no_room() -> None:
    spec = importlib.util.find_spec("city_model.cli")
    assert spec is not None
    assert spec.origin is not None
    assert "import_module" not in (ROOT / "city_model" / "cli.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["cli.md", "configuration.md", "scenario.md"])
def test_a_page_written_from_the_code_says_what_the_code_says(name: str) -> None:
    path = ROOT / "docs" / "reference" / name
    assert path.read_text(encoding="utf-8").split() == pages()[path].split(), "python -m tests.house.pages writes it anew"
