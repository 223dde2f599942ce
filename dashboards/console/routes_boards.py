"""The boards on our own page: which there are, and one with the answers to all its panels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.responses import FileResponse, Response

from city_model.clock import Clock
from city_model.faults import Rejected
from city_model.quantities import QUANTITIES
from city_model.registry import City
from dashboards.boards.answer import Asked
from dashboards.boards.catalogue import all_boards
from dashboards.boards.labels import label_of, quantities_of
from dashboards.boards.panel import Board, Cell, Panel
from dashboards.boards.question import Row, Span
from dashboards.boards.scope import chosen
from dashboards.boards.words import PAGE_WORDS
from dashboards.console.access import Access
from dashboards.console.gate import answer, operation, person_of
from dashboards.console.people import Sight
from dashboards.console.problems import problem
from dashboards.console.view import View
from stream_processor.stores.port import SeriesStore

_PAGE = Path(__file__).parent / "static" / "boards.html"
_WIDTHS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
_MOST_WINDOWS = 200
_MOST_HOURS = 24 * 400
_MOST_MS = 2**53
Chosen = Annotated[list[str], Query(max_length=100)]


def add_boards(app: FastAPI, access: Access, store: SeriesStore, view: View, clock: Clock) -> None:
    """The operations `boards`, `board` and `board_page`."""

    @operation(app, access, "GET", "/boards/{board}", "board_page", media=("text/html",))
    async def board_page(board: str) -> Response:
        """The page that draws a board."""
        return FileResponse(_PAGE, media_type="text/html; charset=utf-8")

    @operation(app, access, "GET", "/api/boards", "boards")
    async def boards(request: Request) -> Response:
        """Names, titles and levels of all boards."""
        return answer([_headed(board) for board in all_boards().values()])

    @operation(app, access, "GET", "/api/boards/{board}", "board", answers={404: "there is no such board", 503: "the store is down"})
    async def board(
        request: Request,
        board: str,
        hours: Annotated[int, Query(ge=0, le=_MOST_HOURS)] = 0,
        stop_ms: Annotated[int, Query(alias="to", ge=0, le=_MOST_MS)] = 0,
        area: Chosen = [],  # noqa: B006  # FastAPI copies it
        site: Chosen = [],  # noqa: B006  # as above
        device: Chosen = [],  # noqa: B006  # as above
    ) -> Response:
        """A board over the `hours` (its own by default) before `to` (now by default), of the places chosen and seen, with every answer."""
        if (found := all_boards().get(board)) is None:
            return problem(404, "unknown_board", f"there is no board {board[:60]!r}; known: {', '.join(all_boards())}")
        stop = stop_ms or view.clock_ms or clock.now_ms()
        start = max(0, stop - (hours or found.hours) * 3_600_000)
        if start >= stop:
            raise Rejected("bad_range", "`to` must be after 1970")
        desk = _Desk(view.city, store, access.sight(person_of(request)), Span(start, stop, 60_000))
        return answer(await asyncio.to_thread(desk.board, found, area, site, device))


@dataclass(frozen=True, slots=True)
class _Desk:
    """A board filled in for somebody."""

    city: City
    store: SeriesStore
    sight: Sight
    span: Span

    def board(self, board: Board, areas: Sequence[str], sites: Sequence[str], devices: Sequence[str]) -> dict[str, object]:
        """Everything that the page draws. A board of one device takes the first that is seen where none is chosen."""
        if board.place in ("camera", "air"):
            fitting = [d.id for d in self.city.device if d.kind == board.place and d.site in self.sight.sites]
            devices = [d for d in devices if d in fitting][:1] or fitting[:1] or ["-"]
        seen = [d for d in chosen(self.city, areas, sites, devices) if self.city.devices[d].site in self.sight.sites]
        asked = Asked.of(self.store, self.city, seen, self.span)
        return {
            **_headed(board), "from": self.span.start_ms, "to": self.span.stop_ms, "words": PAGE_WORDS,
            "city": {"vi": self.city.name_vi, "en": self.city.name_en, "timezone": self.city.timezone},
            "units": {q.name: q.unit for q in QUANTITIES.values()},
            "boards": [_headed(one) for one in all_boards().values()], "choices": self._choices(board, areas),
            "chosen": {"area": list(areas), "site": list(sites), "device": list(devices) if board.place in ("camera", "air") else []},
            "lines": [{"height": line.height, "cells": [self._cell(cell, asked) for cell in line.cells]} for line in board.lines],
        }  # fmt: skip

    def _choices(self, board: Board, areas: Sequence[str]) -> dict[str, object]:
        sites = [site for site in self.city.site if site.id in self.sight.sites]
        if board.place == "area":
            seen = {site.area for site in sites}
            return {
                "area": [{"id": a.id, "vi": a.vi or a.id, "en": a.en or a.id} for a in self.city.area if a.id in seen],
                "site": [{"id": s.id, "vi": s.vi, "en": s.en} for s in sites if not areas or s.area in areas],
            }
        devices = [d for d in self.city.device if d.kind == board.place and d.site in self.sight.sites]
        named = [(d, self.city.site_of(d.id)) for d in devices]
        return {"device": [{"id": d.id, "vi": f"{s.vi} · {d.id}", "en": f"{s.en} · {d.id}"} for d, s in named]} if named else {}

    def _cell(self, cell: Cell, asked: Asked) -> dict[str, object]:
        panel = cell.panel
        width_ms = width_of(self.span, panel.least_min)
        span = Span(self.span.start_ms, self.span.stop_ms, width_ms)
        rows = Asked(asked.store, asked.newest, asked.city, asked.devices, span).answer(panel.question)
        return {
            "name": panel.name, "title": panel.title, "about": panel.about, "draw": panel.draw, "unit": panel.unit, "width": cell.width,
            "width_ms": width_ms, "low": panel.low, "high": panel.high, "thresholds": panel.thresholds, "states": panel.states,
            "quantities": quantities_of(panel.question),
            "series": self._series(panel, rows),
        }  # fmt: skip

    def _series(self, panel: Panel, rows: Sequence[Row]) -> list[dict[str, object]]:
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(row.series, []).append(row)
        return [
            {
                "name": name, "label": label_of(name, panel, self.city), "at_ms": [row.at_ms for row in of],
                "value": [row.value for row in of],
                **self._where(panel, name),
            }
            for name, of in found.items()
        ]  # fmt: skip

    def _where(self, panel: Panel, name: str) -> dict[str, object]:
        """Coordinates on a map, the device for a link, and the quantity of what is listed."""
        device = self.city.devices.get(name.partition("/")[0])
        if device is None:
            return {}
        where: dict[str, object] = {"device": device.id, "kind": device.kind, "quantity": name.rpartition("/")[2]}
        if panel.draw == "map":
            site = self.city.site_of(device.id)
            where |= {"latitude": site.latitude, "longitude": site.longitude}
        return where


def width_of(span: Span, least_min: int) -> int:
    """The narrowest window, in ms, of at least `least_min` minutes with which a panel has no more than some 200 points a series."""
    need = max(least_min, (span.stop_ms - span.start_ms) / 60_000 / _MOST_WINDOWS)
    return next((width for width in _WIDTHS_MIN if width >= need), _WIDTHS_MIN[-1]) * 60_000


def _headed(board: Board) -> dict[str, object]:
    return {"name": board.name, "title": board.title, "about": board.about, "place": board.place, "hours": board.hours, "down": board.down}
