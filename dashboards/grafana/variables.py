"""What a viewer chooses on a board: areas, then their sites, and out of these (hidden) the devices; or one camera or station.

Flux knows devices only. The registry is not in InfluxDB, so the queries of `site` and `device` carry it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.boards.flux import literal
from dashboards.boards.panel import Board
from dashboards.grafana.query import Place

_EVERY = model.VariableOption(text=["All"], value=["$__all"], selected=True)
_NAMED = "/^(?<text>.*) \\((?<value>[^()]+)\\)$/"


def variables_of(board: Board, place: Place) -> Iterator[Builder[model.VariableModel]]:
    """In the order they are chosen."""
    words = ("Khu vực", "Địa điểm", "Thiết bị") if place.language == "vi" else ("Area", "Site", "Device")
    if board.place == "none":
        return
    if board.place != "area":
        yield _one_device(board, place, words[2])
        return
    areas = ((getattr(area, place.language) or area.id, area.id) for area in place.city.area)
    yield dashboard.CustomVariable("area").label(words[0]).values(_listed(areas)).multi(True).include_all(True).current(_EVERY)
    yield _found("site", words[1], site_query(place), place).regex(_NAMED)
    yield _found("device", words[2], device_query(place), place).hide(model.VariableHide.HIDE_VARIABLE)


def site_query(place: Place) -> str:
    """Sites of the chosen areas as `name (id)`."""
    rows = (f"{{of: {literal(site.area)}, _value: {literal(f'{getattr(site, place.language)} ({site.id})')}}}" for site in place.city.site)
    return _rows(rows, "area")


def device_query(place: Place) -> str:
    """Devices of the chosen sites."""
    rows = (f"{{of: {literal(d.site)}, _value: {literal(d.id)}}}" for d in place.city.device if d.kind != "agent")
    return _rows(rows, "site")


def _rows(rows: Iterable[str], chosen: str) -> str:
    listed = ",\n  ".join(rows) or '{of: "", _value: ""}'
    of = f"r.of =~ /^(?:${{{chosen}:regex}})$/"
    return f'import "array"\narray.from(rows: [\n  {listed},\n])\n  |> filter(fn: (r) => {of})\n  |> keep(columns: ["_value"])\n'


def _found(name: str, label: str, query: str, place: Place) -> dashboard.QueryVariable:
    shown = dashboard.QueryVariable(name).label(label).datasource(place.source_ref).query({"query": query, "refId": name})
    shown.refresh(model.VariableRefresh.ON_DASHBOARD_LOAD).sort(model.VariableSort.DISABLED)
    return shown.multi(True).include_all(True).current(_EVERY)


def _one_device(board: Board, place: Place, label: str) -> dashboard.CustomVariable:
    devices = [d for d in place.city.device if d.kind == board.place]
    named = [(f"{getattr(place.city.site_of(d.id), place.language)} · {d.id}", d.id) for d in devices]
    shown = dashboard.CustomVariable("device").label(label).values(_listed(named)).multi(False).include_all(False)
    if named:
        shown.current(model.VariableOption(text=named[0][0], value=named[0][1], selected=True))
    return shown


def _listed(options: Iterable[tuple[str, str]]) -> str:
    """`text : value` pairs of a custom variable. Grafana would fill in `$name` and `[[name]]` here; full-width signs look the same."""
    return ", ".join(f"{_plain(text)} : {value}" for text, value in options)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("\\", "＼").replace(",", "\\,").replace("$", "＄").replace("[[", "［［").replace(" : ", " – ")
