"""Our boards as Grafana dashboards: one for each board and language, with variables, annotations of alarms and links down the levels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from city_model.registry import City
from dashboards.boards.catalogue import all_boards
from dashboards.boards.flux import flux
from dashboards.boards.panel import Board
from dashboards.boards.question import Events
from dashboards.boards.words import ALARMS
from dashboards.grafana.panel import panel_of
from dashboards.grafana.query import Place, Target
from dashboards.grafana.tones import COLOURS
from dashboards.grafana.variables import variables_of

LANGUAGES = ("vi", "en")
TAG = "saola"
_NOT_IN_SCHEMA = {"auto", "auto_count", "auto_min"}
"""What the SDK writes into every variable and Grafana's schema knows of intervals only."""


def uid_of(board: str, language: str) -> str:
    """Of a board's dashboard."""
    return f"saola-{board}-{language}"


def render(
    city: City, language: str, *, source: str = "saola-influx", bucket: str = "saola", console: str = "", documentation: str = ""
) -> dict[str, dict[str, Any]]:
    """Every board in one language, as Grafana's API takes it, by uid.

    `source` is the uid of the data source, `bucket` that of raw points; `console` and `documentation` are URLs of our own page and of the
    project's documentation, for links.
    """
    place = Place(city, language, source, bucket, console, documentation)
    return {uid_of(name, language): rendered(board, place) for name, board in all_boards().items()}


def rendered(board: Board, place: Place) -> dict[str, Any]:
    """One dashboard as plain JSON values."""
    built = dashboard.Dashboard(f"{board.title.in_(place.language)} · {_name(place)}").uid(uid_of(board.name, place.language))
    built.description(board.about.in_(place.language)).tags([TAG, place.language, board.name]).timezone(place.city.timezone)
    built.time(f"now-{board.hours}h", "now").refresh("1m").week_start("monday").tooltip(model.DashboardCursorSync.CROSSHAIR).readonly()
    built.variables(list(variables_of(board, place))).links(list(_links(board, place)))
    if board.place != "none":
        built.annotation(_alarms(place))
    number = y = 0
    for line in board.lines:
        x = 0
        for cell in line.cells:
            number += 1
            at = model.GridPos(h=line.height, w=cell.width, x=x, y=y)
            built.with_panel(panel_of(cell.panel, number, at, place))
            x += cell.width
        y += line.height
    found: dict[str, Any] = json.loads(json.dumps(built.build(), cls=JSONEncoder, sort_keys=True, ensure_ascii=False))
    for variable in found["templating"]["list"]:
        for name in _NOT_IN_SCHEMA & variable.keys():
            del variable[name]
    return found


def annotation_query(place: Place) -> str:
    """Alarms raised, with a text to show: what and where."""
    row = '{time: r._time, text: r._measurement + " · " + r.device, tags: r._measurement}'
    return flux(Events(ALARMS), place.city, place.bucket) + f"  |> group()\n  |> map(fn: (r) => ({row}))\n"


def _alarms(place: Place) -> Builder[model.AnnotationQuery]:
    name = "Cảnh báo" if place.language == "vi" else "Alarms"
    # Grafana's schema knows the four last only, though what runs is a query like any other.
    target = Target(annotation_query(place), place.source_ref, "Alarms", limit=100, matchAny=False, tags=[], type="tags")
    return dashboard.AnnotationQuery().name(name).datasource(place.source_ref).enable(True).icon_color(COLOURS["high"]).target(target)


def _links(board: Board, place: Place) -> Iterator[Builder[model.DashboardLink]]:
    """Down to the next level, up to the city, and to our own page."""
    boards = all_boards()
    for name in (*board.down, *(("city",) if board.name != "city" else ())):
        shown = dashboard.DashboardLink(boards[name].title.in_(place.language)).type(model.DashboardLinkType.LINK)
        yield shown.url(f"/d/{uid_of(name, place.language)}").keep_time(True).include_vars(board.place == boards[name].place == "area")
    if place.console:
        words = "Trang trực điều hành" if place.language == "vi" else "Operators' page"
        yield dashboard.DashboardLink(words).type(model.DashboardLinkType.LINK).url(place.console).target_blank(True)


def _name(place: Place) -> str:
    return place.city.name_vi if place.language == "vi" else place.city.name_en
