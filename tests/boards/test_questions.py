"""Every question of the vocabulary gives the same rows as Flux in a real InfluxDB, from the embedded store and from the Influx store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from city_model.registry import City
from dashboards.boards.answer import Asked
from dashboards.boards.flux import flux
from dashboards.boards.question import (
    Bands,
    Count,
    Days,
    EventCounts,
    Events,
    Latest,
    Now,
    NowCounts,
    Of,
    Quantiles,
    Question,
    Silent,
    Span,
    States,
    Total,
    Windows,
)
from dashboards.boards.scope import chosen
from stream_processor.stores.influx_client import InfluxClient
from stream_processor.stores.port import SeriesStore
from tests.boards.grafana_binds import bound
from tests.boards.rows import differences, rows_of_flux
from tests.boards.seed import START_MS, STOP_MS

MINUTE = 60_000
SPEED, PM, LATENCY = Of(("speed_kmh",), kind="camera"), Of(("pm25",), kind="air"), Of(("latency_ms",), "all")
ALARMS = Of(("alarm_congestion", "alarm_pollution"))
BANDS = Bands((25.0, 15.0), "below")
QUESTIONS: dict[str, Question] = {
    **{f"windows of {a}": Windows(SPEED, a) for a in ("mean", "sum", "min", "max", "last", "count")},
    "empty windows without a value": Windows(SPEED, "mean", "null"),
    "empty maxima without a value": Windows(SPEED, "max", "null"),
    "empty windows as zero": Windows(PM, "count", "zero"),
    "windows of a device": Windows(SPEED, "mean", "null", "device"),
    "windows of everything": Windows(LATENCY, "max", "zero", "all"),
    "days": Days(PM, "mean"),
    "days of counts": Days(PM, "count", "zero", "all"),
    **{f"total {a}": Total(PM, a) for a in ("mean", "sum", "min", "max", "last", "count")},
    "total of everything": Total(SPEED, "mean", "all"),
    "quantiles": Quantiles(LATENCY, (0.5, 0.95, 0.99)),
    "quantile of a device": Quantiles(SPEED, (0.5,), "device"),
    "latest": Latest(PM),
    "latest of long ago": Latest(PM, 60 * 3600),
    "open alarms": Latest(ALARMS, 30 * 86_400, 0.0),
    "states": States(SPEED, BANDS),
    "now": Now(SPEED, BANDS, 900),
    "now of devices": Now(SPEED, BANDS, 900, "device"),
    "now of stations": Now(PM, Bands((50.5, 100.5)), 900),
    "counts now": NowCounts(SPEED, BANDS, 900),
    "silent": Silent(Of(("speed_kmh", "pm25")), 1800),
    "events": Events(ALARMS),
    "how many are silent": Count(Silent(Of(("speed_kmh", "pm25")), 1800)),
    "how many events": Count(Events(ALARMS)),
    "none": Count(Latest(PM, above=1e9)),
    "counts of events": EventCounts(ALARMS),
}
SPAN = Span(START_MS, STOP_MS, 30 * MINUTE)


def of_flux(client: InfluxClient, bucket: str, city: City, question: Question, span: Span, devices: Sequence[str]) -> bytes:
    return client.flux(bound(flux(question, city, bucket), span, {"device": devices}))


@pytest.mark.live
@pytest.mark.parametrize("name", QUESTIONS)
def test_three_ways_to_the_same_rows(
    name: str, city: City, embedded: SeriesStore, influx: SeriesStore, flux_client: InfluxClient, bucket: str
) -> None:
    devices = chosen(city)
    expected = Asked.of(embedded, city, devices, SPAN).answer(QUESTIONS[name])
    assert expected, "a question without rows proves nothing"
    found = rows_of_flux(of_flux(flux_client, bucket, city, QUESTIONS[name], SPAN, devices))
    assert differences(found, expected) == []
    assert differences(Asked.of(influx, city, devices, SPAN).answer(QUESTIONS[name]), expected) == []


@pytest.mark.live
@pytest.mark.parametrize("width_min", [1, 7, 60, 1440])
@pytest.mark.parametrize("zone", ["Asia/Ho_Chi_Minh", "Europe/Paris", "Asia/Kolkata"])
def test_windows_of_every_width_and_days_of_every_zone(
    width_min: int, zone: str, city: City, embedded: SeriesStore, flux_client: InfluxClient, bucket: str
) -> None:
    there = replace(city, timezone=zone)
    span = Span(START_MS, START_MS + max(6 * 60, 3 * width_min) * MINUTE + 1, width_min * MINUTE)
    devices = ("cam-bd-114", "air-kk-01")
    for question in (Windows(SPEED, "mean", "null"), Days(PM, "mean", "null"), Quantiles(PM, (0.25,))):
        found = rows_of_flux(of_flux(flux_client, bucket, there, question, span, devices))
        expected = Asked.of(embedded, there, devices, span).answer(question)
        assert expected
        assert differences(found, expected) == []
