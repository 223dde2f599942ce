"""All boards and panels by name: what stands in the folders is there."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from city_model.quantities import QUANTITIES
from dashboards.boards import boards, panels
from dashboards.boards.panel import Board, Panel, Text
from dashboards.boards.words import QUANTITY_WORDS

ORDER = ("city", "corridor", "air", "camera", "station", "ledger", "pipeline", "hosts")
"""From above downwards."""


@cache
def all_boards() -> dict[str, Board]:
    """By name, in `ORDER`."""
    found = [importlib.import_module(f"{boards.__name__}.{m.name}").BOARD for m in pkgutil.iter_modules(boards.__path__)]
    return {board.name: board for board in sorted(found, key=lambda board: ORDER.index(board.name))}


@cache
def all_panels() -> dict[str, Panel]:
    """By name."""
    found = [importlib.import_module(f"{panels.__name__}.{m.name}").PANEL for m in pkgutil.iter_modules(panels.__path__)]
    return {panel.name: panel for panel in found}


def quantity_name(quantity: str) -> Text:
    """How a quantity is called; its own name where nobody has given it another."""
    if (known := QUANTITIES.get(quantity)) is not None:
        return Text(known.vi, known.en)
    return QUANTITY_WORDS.get(quantity, Text(quantity, quantity))
