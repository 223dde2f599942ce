"""Grafana's token: alone in a file of mode 0600, never an argument."""

from __future__ import annotations

import stat
from pathlib import Path

from city_model.faults import ConfigError, Problem


def load_token(path: Path) -> str:
    """The token in `path`. Raises ConfigError when the file is missing, readable by others, or holds anything else."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        raise _wrong(path, "holds characters no token has", "one line: the token as Grafana gave it") from None
    except OSError as err:
        raise _wrong(path, err.strerror or str(err), "a file with the token of a service account") from err
    if mode & 0o077:
        raise _wrong(path, f"mode {mode:04o}, readable by others", f"mode 0600: chmod 600 {path}")
    if not text:
        raise _wrong(path, "is empty", "one line: the token as Grafana gave it")
    if not text.isprintable() or " " in text:
        raise _wrong(path, "holds more than one word", "one line: the token as Grafana gave it")
    return text


def _wrong(path: Path, found: str, expected: str) -> ConfigError:
    return ConfigError([Problem(str(path), "(file)", found, expected)])
