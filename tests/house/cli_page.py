"""The page of commands, from their own help."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from importlib.metadata import entry_points

import click

_WIDTH = 110
_HELP_OPTION = re.compile(r"(\n\nOptions:)?\n +(-h, )?--help +Show this message and exit\.(?=\n|$)")
"""Left out: every command has it, and click remembers how it was first asked for."""
_HEAD = """\
# Commands

Every command of `saola` with all its options, as `saola COMMAND --help` (or `-h`) prints them. This page is written by
`python -m tests.house.pages`; a test compares it with the commands.

Exit codes: 0 done · 1 a check found something · 2 usage or configuration (all problems are listed) · 4 a server, a port, a
directory or an optional package is missing (one line says which and what to do) · 130 interrupted. Data goes to standard
output, messages to standard error; `--json` prints for machines. Secrets are never options: they stand in files of mode 0600.
"""


def commands() -> dict[str, click.Command]:
    """The rooms' commands by name."""
    return {point.name: point.load() for point in sorted(entry_points(group="saola.commands"), key=lambda p: p.name)}


@functools.cache
def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(text for name, command in commands().items() for text in _sections(name, command, None))])


def _sections(name: str, command: click.Command, parent: click.Context | None) -> Iterator[str]:
    parent = parent or click.Context(click.Group("saola"), info_name="saola")
    ctx = click.Context(
        command, help_option_names=["-h", "--help"], info_name=name, parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH
    )
    told = _HELP_OPTION.sub("", command.get_help(ctx)).rstrip()
    yield f"## `{ctx.command_path}`\n\n```text\n{told}\n```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            if (found := command.get_command(ctx, below)) is not None:
                yield from _sections(below, found, ctx)
