"""`saola`: the one command. Rooms register their sub-commands as entry points and are loaded by name when used.

Exit codes: 0 done, 1 a check found something, 2 usage or configuration, 4 a server or the machine cannot, 130 interrupted.
"""

from __future__ import annotations

import errno
import sys

import click

from city_model import __version__
from city_model.commands import CommandsByName, needs
from city_model.faults import ConfigError, Rejected, Unavailable

EXIT_FOUND, EXIT_CONFIG, EXIT_UNAVAILABLE = 1, 2, 4


@click.group(cls=CommandsByName, entry_group="saola.commands", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="saola")
def saola() -> None:
    """Smart-city sensor and camera events: from a camera frame or an air reading to one alarm on a screen."""


def main() -> None:
    """Entry point. Expected failures become one line each; only bugs show a traceback."""
    try:
        code = saola.main(prog_name="saola", standalone_mode=False)  # click gives a command's Exit back as a number
    except ConfigError as err:
        for problem in err.problems:
            print(problem, file=sys.stderr)
        sys.exit(EXIT_CONFIG)
    except (Unavailable, Rejected) as err:
        print(f"saola: {err}", file=sys.stderr)
        sys.exit(EXIT_UNAVAILABLE)
    except ModuleNotFoundError as err:  # rooms import late, so an extra may be missed only now
        print(f"saola: {needs(err)}", file=sys.stderr)
        sys.exit(EXIT_UNAVAILABLE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
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

    if isinstance(code, int):
        sys.exit(code)


_PLAIN = {
    errno.EADDRINUSE: "the port is taken; choose another with --port",
    errno.EACCES: "not allowed; choose a directory you may write to, or a port above 1023",
    errno.EPERM: "not allowed",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full; nothing was half written",
    errno.ENOTDIR: "is not a directory",
}
