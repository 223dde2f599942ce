"""A query of Grafana's InfluxDB data source in Flux; the SDK has no model of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from city_model.registry import City
from dashboards.boards.flux import flux, literal
from dashboards.boards.panel import Panel
from dashboards.boards.words import UNKNOWN_STATE

SOURCE_TYPE = "influxdb"


@dataclass(frozen=True, slots=True)
class Place:
    """What boards are rendered for: the registry, a language, the data source and its bucket of raw points, where our own page and our
    documentation are (empty: no links there)."""

    city: City
    language: str
    source: str = "saola-influx"
    bucket: str = "saola"
    console: str = ""
    documentation: str = ""

    @property
    def source_ref(self) -> DataSourceRef:
        return DataSourceRef(SOURCE_TYPE, self.source)


class FluxQuery(Dataquery):
    """What `build()` of a target gives. `more` are properties besides."""

    def __init__(self, query: str, source: DataSourceRef, ref: str = "A", **more: object) -> None:
        self._json = {"refId": ref, "datasource": source, "query": query, **more}

    def to_json(self) -> dict[str, object]:
        return self._json


class Target(Builder[Dataquery]):
    """The builder of a `FluxQuery`."""

    def __init__(self, query: str, source: DataSourceRef, ref: str = "A", **more: object) -> None:
        self._built = FluxQuery(query, source, ref, **more)

    def build(self) -> Dataquery:
        return self._built


def query_of(panel: Panel, place: Place) -> str:
    """The Flux of a panel with what its drawing needs besides: one table for a table, names for states, coordinates for a map."""
    query = flux(panel.question, place.city, place.bucket)
    if panel.draw == "table":
        return query + '  |> group()\n  |> sort(columns: ["_time"], desc: true)\n'
    if panel.draw == "counts":
        names = {str(number): state.name.in_(place.language) for number, state in enumerate(panel.states)}
        named = _dict("names", {"-1": UNKNOWN_STATE.name.in_(place.language), **names})
        query = _before("dict", named, query)
        named_row = "{r with name: dict.get(dict: names, key: r.state, default: r.state)}"
        return query + f'  |> map(fn: (r) => ({named_row}))\n  |> group(columns: ["state", "name"])\n'
    if panel.draw == "map":
        sites = {d.id: place.city.site_of(d.id) for d in place.city.device if d.kind != "agent"}
        query = _before("dict", _dict("latitudes", {name: site.latitude for name, site in sites.items()}), query)
        query = _before("", _dict("longitudes", {name: site.longitude for name, site in sites.items()}), query)
        row = ", ".join(f"{name}: dict.get(dict: {name}s, key: r.device, default: 0.0)" for name in ("latitude", "longitude"))
        return query + f"  |> map(fn: (r) => ({{r with {row}}}))\n  |> group()\n"
    return query


def _dict(name: str, values: Mapping[str, str | float]) -> str:
    written = ((key, literal(value) if isinstance(value, str) else repr(float(value))) for key, value in values.items())
    pairs = ",\n  ".join(f"{{key: {literal(key)}, value: {value}}}" for key, value in written)
    return f"{name} = dict.fromList(pairs: [\n  {pairs},\n])\n"


def _before(package: str, definition: str, query: str) -> str:
    """`query` with an import and a definition after its imports and options."""
    lines = query.splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if not line.startswith(("import ", "option ")))
    imported = f'import "{package}"\n' if package else ""
    return imported + "".join(lines[:first]) + definition + "".join(lines[first:])
