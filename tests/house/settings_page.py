"""Tables of settings from the dataclasses that read them: what docs/reference/configuration.md and scenario.md are made of."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

_MISSING = dataclasses.MISSING
_GIVEN = {("Story", "name"), ("CameraSettings", "frames"), ("CameraSettings", "spec")}  # the file's own name; what simulators set
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path", Any: "table"}


def sections(cls: type, key: str = "") -> Iterator[str]:
    """A section for `cls` and one for each settings class within it, in the order of the fields."""
    heading = f"### `[{key}]`" if key and not key.endswith("]") else f"### `{key}`"
    told = _told(cls)
    rows = [_row(cls, field) for field in _fields(cls)]
    table = "| Key | Kind | Bounds | Default |\n|---|---|---|---|\n" + "\n".join(rows)
    yield "\n\n".join([part for part in (heading if key else "", told, table) if part]) + "\n"
    hints = typing.get_type_hints(cls)
    for field in _fields(cls):
        inner, is_list = _settings_class(hints[field.name])
        if inner is not None:
            below = f"{key.strip('[]')}.{field.name}" if key else field.name
            yield from sections(inner, f"[[{below}]]" if is_list else below)


def _told(cls: type) -> str:
    """The class's own text, unless it only says which table it is."""
    text = inspect.cleandoc(cls.__doc__ or "").removeprefix("See the module. ")
    return "" if text.startswith("[") or text in {"The whole file."} else text


def _fields(cls: type) -> list[dataclasses.Field[Any]]:
    """The fields a file may set: not what a program fills in, such as the path."""
    return [f for f in dataclasses.fields(cls) if f.init and f.compare and (cls.__name__, f.name) not in _GIVEN]


def _row(cls: type, field: dataclasses.Field[Any]) -> str:
    hint = typing.get_type_hints(cls)[field.name]
    return f"| `{field.name}` | {_kind(hint)} | {_bounds(field.metadata)} | {_default(field)} |"


def _kind(hint: Any) -> str:  # noqa: ANN401
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(f'`"{word}"`' for word in args)
    if origin in (types.UnionType, typing.Union):
        return _kind(next(arg for arg in args if arg is not type(None)))
    if origin is tuple:
        return f"list of {_kind(args[0])}" if args[-1] is Ellipsis else "[" + ", ".join(map(_kind, args)) + "]"
    if origin is dict or dataclasses.is_dataclass(hint):
        return "table"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def _bounds(metadata: Mapping[str, Any]) -> str:
    if "low" in metadata:
        return f"{_number(metadata['low'])}…{_number(metadata['high'])}"
    return str(metadata.get("meaning", "")).replace("|", "or")


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 100_000 else f"{value:,.0f}"


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is _MISSING and field.default_factory is _MISSING:
        return "required"
    if field.default is _MISSING or dataclasses.is_dataclass(field.default):
        return "see below"
    if field.default is None:
        return "none"
    if isinstance(field.default, tuple):
        return "see below" if any(map(dataclasses.is_dataclass, field.default)) else f"`{list(field.default)}`"
    return f'`"{field.default}"`' if isinstance(field.default, str | Path) else f"`{field.default}`"


def _settings_class(hint: Any) -> tuple[type | None, bool]:  # noqa: ANN401
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint, False
    for arg in get_args(hint):
        if (found := _settings_class(arg)[0]) is not None:
            return found, get_origin(hint) is tuple
    return None, False
