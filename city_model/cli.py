"""`saola`: the one command. Rooms register their sub-commands as entry points and are loaded by name when used.

Exit codes: 0 done, 1 a check found something, 2 usage or configuration, 4 a server or the machine cannot, 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
from importlib.metadata import EntryPoint, entry_points

import click

from city_model import __version__
from city_model.faults import ConfigError, Rejected, Unavailable

EXIT_FOUND, EXIT_CONFIG, EXIT_UNAVAILABLE = 1, 2, 4
_GROUP = "saola.commands"
_OURS = {"city_model", "edge_agent", "broker_config", "stream_processor", "dashboards", "simulators"}


class _Rooms(click.Group):
    """Sub-commands by entry point; importing one room does not import the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(point.name for point in entry_points(group=_GROUP))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for point in entry_points(group=_GROUP, name=cmd_name):
            return _load(point)
        return None


def _load(point: EntryPoint) -> click.Command:
    try:
        command: click.Command = point.load()
    except ModuleNotFoundError as err:
        return _unavailable(point.name, _needs(err))
    return command


def _needs(err: ModuleNotFoundError) -> str:
    """What to install. A module of ours that is not there is a bug, and raised as one."""
    missing = err.name or "a package"
    if missing.partition(".")[0] in _OURS:
        raise err
    return f"needs {missing}, not installed here: pip install 'saola-city[all]'"


def _unavailable(name: str, text: str) -> click.Command:
    def say() -> None:
        raise Unavailable(f"`saola {name}` {text}")

    lenient = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=say, short_help="(not installed: saola-city[all])", context_settings=lenient)


@click.group(cls=_Rooms, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="saola")
def saola() -> None:
    """Smart-city sensor and camera events: from a camera frame or an air reading to one alarm on a screen."""


def main() -> None:
    """Entry point. Expected failures become one line each; only bugs show a traceback."""
    try:
        saola.main(prog_name="saola", standalone_mode=False)
    except ConfigError as err:
        for problem in err.problems:
            print(problem, file=sys.stderr)
        sys.exit(EXIT_CONFIG)
    except (Unavailable, Rejected) as err:
        print(f"saola: {err}", file=sys.stderr)
        sys.exit(EXIT_UNAVAILABLE)
    except ModuleNotFoundError as err:  # rooms import late, so an extra may be missed only now
        print(f"saola: {_needs(err)}", file=sys.stderr)
        sys.exit(EXIT_UNAVAILABLE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.exceptions.Exit as err:
        sys.exit(err.exit_code)
    except click.ClickException as err:
        err.show()
        sys.exit(EXIT_CONFIG)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as err:
        if err.errno not in _PLAIN:
            raise
        where = f"{err.filename}: " if err.filename else ""
        print(f"saola: {where}{_PLAIN[err.errno]} ({err.strerror})", file=sys.stderr)
        sys.exit(EXIT_UNAVAILABLE)


_PLAIN = {
    errno.EADDRINUSE: "the port is taken; choose another with --port",
    errno.EACCES: "not allowed; choose a directory you may write to, or a port above 1023",
    errno.EPERM: "not allowed",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full; nothing was half written",
    errno.ENOTDIR: "is not a directory",
}
