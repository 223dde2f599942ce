"""Every store obeys the same suite. A store joins by a module in tests/stores/backends that has `NAME` and `opened(directory)`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_processor.stores.port import SeriesStore
from tests.stores import backends

_FOUND = sorted(module.name for module in pkgutil.iter_modules(backends.__path__))

Open = Callable[[], SeriesStore]


@pytest.fixture(params=_FOUND)
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same store each time it is called."""
    backend = importlib.import_module(f"tests.stores.backends.{request.param}")
    return lambda: backend.opened(tmp_path)


@pytest.fixture
def store(open_again: Open) -> Iterator[SeriesStore]:
    opened = open_again()
    yield opened
    opened.close()
