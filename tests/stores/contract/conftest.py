"""Every store obeys the same suite. A store joins by a module in tests/stores/backends that has `opened(directory)`; `NEEDS` names the
fixture that makes the directory of a store with a server, which makes its tests `live`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_processor.stores.port import SeriesStore
from tests.stores import backends

_FOUND = {
    module.name: importlib.import_module(f"tests.stores.backends.{module.name}") for module in pkgutil.iter_modules(backends.__path__)
}

Open = Callable[[], SeriesStore]


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.live if hasattr(_FOUND[name], "NEEDS") else ()) for name in sorted(_FOUND)])
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same store each time it is called."""
    backend = _FOUND[request.param]
    directory = request.getfixturevalue(backend.NEEDS) if hasattr(backend, "NEEDS") else tmp_path
    return lambda: backend.opened(directory)


@pytest.fixture
def store(open_again: Open) -> Iterator[SeriesStore]:
    opened = open_again()
    yield opened
    opened.close()
