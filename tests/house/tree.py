"""The project's own files and what they import."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("city_model", "edge_agent", "broker_config", "stream_processor", "dashboards", "simulators")
_NOT_OURS = {"__pycache__", "vendor", "node_modules", "lib"}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module and where."""

    path: Path
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


def files(*folders: str, ends: tuple[str, ...] = (".py",)) -> Iterator[Path]:
    """Our own files under `folders`, sorted; nothing that was vendored, built or cached."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.name.endswith(ends) and not _NOT_OURS & set(path.relative_to(ROOT).parts):
                yield path


@functools.cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[Import]:
    """Every module `path` imports, wherever it does. `from a import b` counts as a.b when that is a module of ours, else as a."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(path, node)
            for alias in node.names:
                yield Import(path, node.lineno, f"{base}.{alias.name}" if _is_module(f"{base}.{alias.name}") else base)


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parent.parts[: None if node.level == 1 else 1 - node.level]
    return ".".join((*package, *(node.module or "").split("."))).rstrip(".")


def _is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def within(module: str, prefixes: tuple[str, ...]) -> bool:
    """Whether `module` is one of `prefixes` or inside it."""
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)
