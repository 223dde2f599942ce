"""Groups of commands whose members are entry points: loaded by name when used, so that a group imports nobody's room."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from city_model.faults import Unavailable

_OURS = {"city_model", "edge_agent", "broker_config", "stream_processor", "dashboards", "simulators"}


class CommandsByName(click.Group):
    """Sub-commands are the entry points of `entry_group`; importing one does not import the others."""

    def __init__(self, *args: Any, entry_group: str, **attributes: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **attributes)
        self._entry_group = entry_group

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(point.name for point in entry_points(group=self._entry_group))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for point in entry_points(group=self._entry_group, name=cmd_name):
            return _load(point, ctx.command_path)
        return None


def needs(err: ModuleNotFoundError) -> str:
    """What to install. A module of ours that is not there is a bug, and raised as one."""
    missing = err.name or "a package"
    if missing.partition(".")[0] in _OURS:
        raise err
    return f"needs {missing}, not installed here: pip install 'saola-city[all]'"


def _load(point: EntryPoint, path: str) -> click.Command:
    try:
        command: click.Command = point.load()
    except ModuleNotFoundError as err:
        if err.name and f"{point.module}.".startswith(f"{err.name}."):  # a pole may carry fewer rooms than the command knows
            return _unavailable(point.name, f"`{path} {point.name}` is not part of this installation: {point.module} is missing")
        return _unavailable(point.name, f"`{path} {point.name}` {needs(err)}")
    return command


def _unavailable(name: str, text: str) -> click.Command:
    def say() -> None:
        raise Unavailable(text)

    lenient = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=say, help=f"Not here: {text}.", short_help="(not installed here)", context_settings=lenient)
