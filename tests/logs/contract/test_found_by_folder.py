"""Whoever offers an EventLog obeys the suite: implementations are found by looking, not by listing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import stream_processor.logs
from stream_processor.logs.port import EventLog
from tests.logs.harness import HARNESSES

WHAT_A_LOG_DOES = {name for name in vars(EventLog) if not name.startswith("_")}


def offers_a_log(module_name: str) -> bool:
    module = importlib.import_module(f"stream_processor.logs.{module_name}")
    classes = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    return any(set(dir(kind)) >= WHAT_A_LOG_DOES for kind in classes)


def test_every_log_in_the_folder_has_a_harness() -> None:
    modules = {module.name for module in pkgutil.iter_modules(stream_processor.logs.__path__)} - {"port"}
    assert {name for name in modules if offers_a_log(name)} == set(HARNESSES)
