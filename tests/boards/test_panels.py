"""Every panel as it is published, with Grafana's time range and the viewer's choices filled in, in a real InfluxDB: the same rows as the
embedded store's answer and the Influx store's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from city_model.registry import City
from dashboards.boards.answer import Asked
from dashboards.boards.catalogue import all_panels
from dashboards.boards.question import Span
from dashboards.boards.scope import chosen
from dashboards.grafana.board import annotation_query, render
from dashboards.grafana.query import Place, query_of
from dashboards.grafana.variables import device_query, site_query
from stream_processor.stores.flux_text import rows_of_csv
from stream_processor.stores.influx_client import InfluxClient
from stream_processor.stores.port import SeriesStore
from tests.boards.grafana_binds import bound
from tests.boards.rows import differences, rows_of_flux
from tests.boards.seed import START_MS, STOP_MS
from tests.console.town import town

pytestmark = pytest.mark.live
_ODD = ('quote"and\\back', "${device}", "$__all", "a|b", "dấu 'nháy'", "x/y", "[[device]]", "line\nbreak")
EVERY = chosen(town())
CHOICES: Mapping[str, Sequence[str]] = {
    "one camera": ("cam-bd-114",), "one station": ("air-kk-01",), "several": ("cam-bd-111", "air-kk-02", "air-kk-05", "cam-hv-203"),
    "all": EVERY, "odd names": _ODD, "odd names among others": ("cam-bd-113", *_ODD),
}  # fmt: skip
NONE_DUE = {
    "air_gases": "the town's stations measure no gas",
}
"""Panels without rows whatever is chosen, and why."""


def is_due(name: str, choice: str) -> bool:
    """Whether the choice can have rows: a panel of roads has none for a station."""
    if name in NONE_DUE or choice == "odd names":
        return False
    kind = all_panels()[name].question
    of = getattr(kind, "of", None) or kind.rows.of  # type: ignore[union-attr]  # only a count has no `of`
    if of.scope == "all" or choice in ("all", "several"):
        return True
    wants_air = of.kind == "air"
    return not of.kind or wants_air == (choice == "one station")


def rows_due(name: str, choice: str, rows: Sequence[object]) -> bool:
    """Counting gives a row for nothing too; lists of what is wrong may be empty."""
    return bool(rows) or name.startswith(("silent", "alarms_")) or not is_due(name, choice)


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", all_panels())
def test_a_panel_as_published_says_what_the_stores_say(
    name: str, choice: str, city: City, embedded: SeriesStore, influx: SeriesStore, flux_client: InfluxClient, bucket: str
) -> None:
    panel, devices = all_panels()[name], CHOICES[choice]
    span = Span(START_MS, STOP_MS, max(panel.least_min, 15) * 60_000)
    asked = bound(query_of(panel, Place(city, "vi", bucket=bucket)), span, {"device": devices})
    expected = Asked.of(embedded, city, devices, span).answer(panel.question)
    assert rows_due(name, choice, expected), "a panel without rows proves nothing"
    assert differences(rows_of_flux(flux_client.flux(asked)), expected) == []
    if choice == "several":
        assert differences(Asked.of(influx, city, devices, span).answer(panel.question), expected) == []


def test_panels_without_rows_have_a_reason_that_is_still_true(city: City, embedded: SeriesStore) -> None:
    span = Span(START_MS, STOP_MS, 3_600_000)
    assert [name for name in NONE_DUE if Asked.of(embedded, city, EVERY, span).answer(all_panels()[name].question)] == []


@pytest.mark.parametrize(("areas", "sites"), [(("hv-street",), 3), (("bd-avenue", "airshed-1"), 10), (('x"y', "${area}"), 0)])
def test_areas_give_sites_and_sites_give_devices(areas: Sequence[str], sites: int, city: City, flux_client: InfluxClient) -> None:
    place, span = Place(city, "vi"), Span(START_MS, STOP_MS, 60_000)
    found = [row["_value"] for row in rows_of_csv(flux_client.flux(bound(site_query(place), span, {"area": areas})))]
    assert len(found) == sites
    ids = [name.rpartition("(")[2].rstrip(")") for name in found] or ["none"]
    devices = [row["_value"] for row in rows_of_csv(flux_client.flux(bound(device_query(place), span, {"site": ids})))]
    assert devices == list(chosen(city, areas=areas))


def test_names_of_sites_reach_the_viewer_whatever_is_in_them(city: City, flux_client: InfluxClient) -> None:
    from dataclasses import replace

    odd = "a \"b\" ${area} $device [[site]] v.bucket \\ 'x'"
    there = replace(city, site=(replace(city.site[0], vi=odd), *city.site[1:]))
    query = bound(site_query(Place(there, "vi")), Span(START_MS, STOP_MS, 60_000), {"area": [a.id for a in city.area], "device": ["wrong"]})
    found = [row["_value"] for row in rows_of_csv(flux_client.flux(query))]
    assert found[0] == f"{odd} ({city.site[0].id})"


def test_annotations_are_the_alarms_raised(city: City, flux_client: InfluxClient, bucket: str) -> None:
    query = bound(annotation_query(Place(city, "vi", bucket=bucket)), Span(START_MS, STOP_MS, 60_000), {"device": EVERY})
    rows = list(rows_of_csv(flux_client.flux(query)))
    assert rows
    assert all(row["time"] and row["text"].endswith(("cam-", "air-")) is False and row["tags"].startswith("alarm_") for row in rows)


def test_an_alarm_is_no_tag(city: City) -> None:
    """Ids of alarms are unbounded; as tags they would be series."""
    queries = [target["query"] for board in render(city, "en").values() for panel in board["panels"] for target in panel["targets"]]
    assert queries
    assert not any("alarm_id" in query for query in queries)
