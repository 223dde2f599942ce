"""TOML files into frozen dataclasses, with every problem reported at once: file, key, what was found, what was expected.

A settings class is a frozen dataclass. A field says its bounds in its metadata: `speed: float = between(0, 10, default=1.0)`.
A class may add checks across fields with a method `check(self) -> Iterable[tuple[key, found, expected]]`.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from city_model.faults import ConfigError, Problem

T = TypeVar("T")
_MISSING = dataclasses.MISSING


def between(low: float, high: float, *, default: Any = _MISSING) -> Any:  # noqa: ANN401 - a field, like dataclasses.field
    """A number within `low..high`, both included."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def matching(pattern: str, meaning: str, *, default: Any = _MISSING) -> Any:  # noqa: ANN401
    """A text that fully matches `pattern`; `meaning` says so in words."""
    return dataclasses.field(default=default, metadata={"pattern": pattern, "meaning": meaning})


def load(cls: type[T], path: Path) -> T:
    """Read `path` into `cls`. Raises ConfigError with all problems."""
    return from_table(cls, read_toml(path), str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The table in `path`. Raises ConfigError when it is missing, unreadable or not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([Problem(str(path), "(file)", "does not exist", "a readable TOML file")]) from None
    except OSError as err:
        raise ConfigError([Problem(str(path), "(file)", err.strerror or str(err), "a readable TOML file")]) from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError([Problem(str(path), "(file)", str(err), "valid TOML in UTF-8")]) from err


def from_table(cls: type[T], table: dict[str, Any], file: str) -> T:
    """Build `cls` from an already read table. Raises ConfigError with all problems."""
    problems: list[Problem] = []
    built = _build(cls, table, file, "", problems)
    if problems:
        raise ConfigError(problems)
    return typing.cast(T, built)


def _build(cls: Any, table: dict[str, Any], file: str, prefix: str, problems: list[Problem]) -> Any:  # noqa: ANN401
    before = len(problems)
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    for key in table.keys() - fields.keys():
        near = difflib.get_close_matches(key, fields, n=1)
        expected = f"{near[0]!r} perhaps" if near else "one of " + ", ".join(sorted(fields))
        problems.append(Problem(file, prefix + key, "no such setting", expected))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in table:
            if field.default is _MISSING and field.default_factory is _MISSING:
                problems.append(Problem(file, prefix + name, "is missing", _describe(hints[name])))
            continue
        values[name] = _convert(hints[name], table[name], file, prefix + name, problems)
        _bounds(field, values[name], file, prefix + name, problems)
    if len(problems) > before:
        return None
    built = cls(**values)
    for key, found, expected in _own_checks(built):
        problems.append(Problem(file, prefix + key, found, expected))
    return built


def _own_checks(built: object) -> Iterable[tuple[str, str, str]]:
    check = getattr(built, "check", None)
    return check() if check is not None else ()


def _convert(hint: Any, value: Any, file: str, key: str, problems: list[Problem]) -> Any:  # noqa: ANN401
    origin, args = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, typing.Union):
        inner = [a for a in args if a is not type(None)]
        return _convert(inner[0], value, file, key, problems)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(hint, value, file, key + ".", problems)
    if origin is tuple and isinstance(value, list):
        if args[-1] is not Ellipsis and len(value) != len(args):
            problems.append(Problem(file, key, f"{len(value)} values", f"{len(args)} values"))
            return None
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        return tuple(_convert(kind, v, file, f"{key}[{i}]", problems) for i, (kind, v) in enumerate(zip(kinds, value, strict=True)))
    if origin is dict and isinstance(value, dict):
        return {k: _convert(args[1], v, file, f"{key}.{k}", problems) for k, v in value.items()}
    if origin is Literal and value in args:
        return value
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    problems.append(Problem(file, key, repr(value), _describe(hint)))
    return None


def _bounds(field: dataclasses.Field[Any], value: Any, file: str, key: str, problems: list[Problem]) -> None:  # noqa: ANN401
    meta = field.metadata
    if "low" in meta and isinstance(value, int | float) and not meta["low"] <= value <= meta["high"]:
        problems.append(Problem(file, key, str(value), f"{meta['low']}..{meta['high']}"))
    if "pattern" in meta and isinstance(value, str) and not re.fullmatch(meta["pattern"], value):
        problems.append(Problem(file, key, repr(value), meta["meaning"]))


def _describe(hint: Any) -> str:  # noqa: ANN401
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, args))
    if origin in (types.UnionType, typing.Union):
        return _describe(next(a for a in args if a is not type(None)))
    if origin is tuple:
        return f"a list of {_describe(args[0])}" if args[-1] is Ellipsis else f"a list of {len(args)} values"
    if origin is dict or dataclasses.is_dataclass(hint):
        return "a table"
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
    return words.get(hint, str(hint))
