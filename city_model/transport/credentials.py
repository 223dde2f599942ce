"""A user's name and secret, in a TOML file only its owner can read: secrets never stand in arguments, addresses or messages."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

from city_model.faults import ConfigError, Problem
from city_model.settings import load


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a broker. `ca_file` names the authority that signed the broker's certificate (empty: the system's)."""

    user: str = field(metadata={"pattern": r"[^\x00:]{1,128}", "meaning": "1 to 128 characters without ':'"})
    password: str = field(repr=False, metadata={"pattern": r"[^\x00]{1,1024}", "meaning": "1 to 1024 characters"})
    ca_file: str = ""


def load_credentials(path: Path) -> Credentials:
    """Read `path`. Raises ConfigError, also when others than the owner may read the file."""
    credentials = load(Credentials, path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError([Problem(str(path), "(file)", f"mode {mode:04o}, readable by others", f"mode 0600: chmod 600 {path}")])
    return credentials
