"""A new device in `city.toml`: text appended, so that comments and order stay as people wrote them; only what checks is written."""

from __future__ import annotations

import fcntl
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from city_model.faults import ConfigError, Problem
from city_model.registry import City, Device
from city_model.settings import from_table


def add_device(path: Path, device: Device) -> City:
    """Append `device` to the registry at `path`; returns the city as it is then. Raises ConfigError, and leaves the file untouched."""
    try:
        with _locked(path) as held:
            before = held.read().decode()
            after = before + ("" if before.endswith("\n") or not before else "\n") + render_device(device)
            city = _checked(after, path)
            _replace(path, after)
    except FileNotFoundError:
        raise ConfigError([Problem(str(path), "(file)", "does not exist", "the registry to add to")]) from None
    except UnicodeDecodeError as err:
        raise ConfigError([Problem(str(path), "(file)", str(err), "valid TOML in UTF-8")]) from err
    return city


def render_device(device: Device) -> str:
    """`device` as a [[device]] table."""
    lines = ["", "[[device]]", f"id = {_text(device.id)}", f"site = {_text(device.site)}", f"kind = {_text(device.kind)}"]
    if device.agent:
        lines.append(f"agent = {_text(device.agent)}")
    if device.quantities:
        lines.append("quantities = [" + ", ".join(map(_text, device.quantities)) + "]")
    for direction in device.directions:
        lines += ["", "[[device.directions]]", f"id = {_text(direction.id)}", f"vi = {_text(direction.vi)}", f"en = {_text(direction.en)}"]
    return "\n".join(lines) + "\n"


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file at `path`, ours alone. Whoever waited may hold a file that was replaced meanwhile, and looks again."""
    while True:
        with path.open("rb+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if os.fstat(held.fileno()).st_ino == path.stat().st_ino:
                yield held
                return


def _text(words: str) -> str:
    """A TOML basic string."""
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'


def _checked(text: str, path: Path) -> City:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise ConfigError([Problem(str(path), "(file)", f"with the new device: {err}", "[[device]] tables, not an inline list")]) from err
    return replace(from_table(City, table, str(path)), path=path)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.chmod(path.stat().st_mode & 0o777)
    part.replace(path)
