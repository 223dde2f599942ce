"""How a service reaches InfluxDB: one TOML file of mode 0600 with address, organisation, bucket and a token that may do one thing.

url = "https://influx.example:8086"
organisation = "saola"
bucket = "saola"               # raw points; rollups are in saola_1m and saola_1h
token = "..."                  # `saola store setup` makes one that writes and one that only reads
ca_file = ""                   # who signed the server's certificate; empty: whom the system trusts
plaintext = "loopback"         # "trusted_network" allows http:// to another machine
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from city_model.faults import ConfigError, Problem
from city_model.settings import load, matching
from city_model.transport.open import is_loopback

_NAME = r"[^\x00-\x1f\x7f\"\\/]{1,100}"


@dataclass(frozen=True, slots=True)
class InfluxFile:
    """`bucket` holds raw points; minutes and hours are in `<bucket>_1m` and `<bucket>_1h`. `ca_file` names who signed the server's
    certificate (empty: whom the system trusts). `plaintext = "trusted_network"` allows `http://` to another machine."""

    url: str = matching(r"https?://[^\s@/?#]+/?", "http://HOST:PORT or https://HOST:PORT, without user and path")
    organisation: str = matching(_NAME, "a name without quotes, slashes and control characters", default="saola")
    bucket: str = matching(_NAME, "a name without quotes, slashes and control characters", default="saola")
    token: str = field(default="", repr=False)
    ca_file: str = ""
    plaintext: Literal["loopback", "trusted_network"] = "loopback"

    def check(self) -> Iterable[tuple[str, str, str]]:
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            yield "token", "holds characters no token has", "the token as InfluxDB gave it"
        parts = urlsplit(self.url)
        if parts.scheme == "http" and self.plaintext == "loopback" and not is_loopback(parts.hostname or ""):
            yield "url", f"plaintext to {parts.hostname}", 'https://, a loopback address, or plaintext = "trusted_network"'
        if self.ca_file and not Path(self.ca_file).is_file():
            yield "ca_file", f"{self.ca_file} is no file", "a PEM file"

    def buckets(self) -> tuple[str, str, str]:
        """Names of the buckets of raw points, minutes and hours."""
        return self.bucket, f"{self.bucket}_1m", f"{self.bucket}_1h"


def load_influx_file(path: Path) -> InfluxFile:
    """Read `path`. Raises ConfigError, also when it holds no token or others than the owner may read it."""
    loaded = load(InfluxFile, path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError([Problem(str(path), "(file)", f"mode {mode:04o}, readable by others", f"mode 0600: chmod 600 {path}")])
    if not loaded.token:
        raise ConfigError([Problem(str(path), "token", "is empty", "a token; `saola store setup` makes one")])
    return loaded


def write_influx_file(path: Path, content: InfluxFile, first_line: str) -> None:
    """Replace `path` whole, mode 0600 from its first byte."""
    lines = [f"# {first_line}"]
    lines += [f"{name} = {_quoted(getattr(content, name))}" for name in ("url", "organisation", "bucket", "token", "ca_file", "plaintext")]
    write_private(path, "\n".join(lines) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace `path` whole, readable by its owner only."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.rename(path)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
